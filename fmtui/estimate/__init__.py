"""What a run will need, before it starts: memory, time and disk, worked out without torch.

`shape.py` reads a model's dimensions, `lengths.py` counts the data's tokens, `memory.py` and
`work.py` turn both into bytes and floating point operations, `machine.py` tells what is here and
how fast it is.
"""
