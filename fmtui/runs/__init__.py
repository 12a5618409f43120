"""Runs: a folder that is the truth, a supervisor that outlives the terminal, a worker."""
