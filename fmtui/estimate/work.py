"""How much is computed: floating point operations, steps, and the batch that needs most memory.

A token costs two operations a parameter forward and four backward (Kaplan et al. 2020, "Scaling
Laws for Neural Language Models", section 2.1), and attention four a layer, position and width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.estimate.lengths import Lengths
from fmtui.estimate.shape import Shape
from fmtui.workers.batches import TokenBudgetBatches

GENERATES = "text-generation"
_BACKWARD = 2.0
_FROZEN_BACKWARD = 1.0
"""Frozen weights pass the gradient on but have none of their own."""

_WRITING = 4.0
"""Writing a text token by token keeps the processor as busy as a quarter of reading it would."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run computes.

    Args:
        train_flops: Of one epoch, on all processes together.
        evaluate_flops: Of measuring the validation rows once.
        steps: Of all epochs.
        epochs: As many as are carried out.
        evaluations: How often the validation rows are measured.
        tokens: Read while training, in all epochs.
        batch_tokens: Tokens, padding included, of the batch that needs most, on one process.
        batch_length: The longest row of it.
        batch_targets: Those of its tokens for which the model scores its whole vocabulary.
    """

    train_flops: float
    evaluate_flops: float
    steps: int
    epochs: float
    evaluations: int
    tokens: int
    batch_tokens: int
    batch_length: int
    batch_targets: int


def work(
    shape: Shape,
    lengths: Lengths,
    settings: Mapping[str, Any],
    *,
    task: str,
    validation_rows: int,
    processes: int = 1,
) -> Work:
    """Work out what a run computes from its rows' lengths and its settings."""
    rows = [
        (n, lengths.targets[i] if i < len(lengths.targets) else 0)
        for i, n in enumerate(lengths.inputs)
    ]
    forward = sum(_forward(shape, task, *row) for row in rows) * lengths.times
    backward = _FROZEN_BACKWARD if settings.get("apply_lora") else _BACKWARD
    again = 1.0 if settings.get("gradient_checkpointing") else 0.0
    batches = TokenBudgetBatches(
        [n + m for n, m in rows],
        int(settings["per_device_train_batch_size"]),
        seed=0,
        shares=processes,
    )
    accumulated = int(settings["gradient_accumulation_steps"])
    an_epoch = max(1, -(-round(len(batches.sizes) * lengths.times) // accumulated))
    steps = max(1, round(an_epoch * float(settings["num_train_epochs"])))
    if settings["max_steps"] > 0:
        steps = int(settings["max_steps"])
    epochs = steps / an_epoch
    mean = forward / max(lengths.rows, 1)
    written = validation_rows * _written(shape, lengths, settings)
    tokens, length, targets = _widest(batches.sizes, rows, processes, task)
    return Work(
        train_flops=forward * (1 + backward + again),
        evaluate_flops=validation_rows * mean + written,
        steps=steps,
        epochs=epochs,
        evaluations=_evaluations(settings, steps, an_epoch) if validation_rows else 0,
        tokens=round(lengths.tokens * epochs),
        batch_tokens=tokens,
        batch_length=length,
        batch_targets=targets,
    )


def _evaluations(settings: Mapping[str, Any], steps: int, an_epoch: int) -> int:
    strategy = settings.get("evaluation_strategy", "epoch")
    if strategy == "no":
        return 0
    if strategy == "steps":
        share = float(settings.get("evaluation_steps_interval") or 0)
        every = share * an_epoch if share else int(settings.get("eval_steps") or an_epoch)
        return int(steps // max(every, 1))
    return max(1, -(-steps // an_epoch))


def _forward(shape: Shape, task: str, tokens: int, targets: int) -> float:
    """Operations of one row forward."""
    attention = 4.0 * shape.hidden
    if not shape.decoder_layers:
        head = 2.0 * shape.table if task == GENERATES else 0.0
        return tokens * (2.0 * shape.body + head) + attention * shape.layers * tokens**2
    read, write = _halves(shape)
    reading = tokens * 2.0 * read + attention * shape.layers * tokens**2
    across = attention * shape.decoder_layers * targets * (targets + tokens)
    return reading + targets * 2.0 * (write + shape.table) + across


def _halves(shape: Shape) -> tuple[float, float]:
    """The parameters of the encoder and those of the decoder, which attends twice."""
    feed = (3 if shape.gated else 2) * shape.feed / shape.hidden
    encoder, decoder = shape.layers * (4 + feed), shape.decoder_layers * (8 + feed)
    share = encoder / (encoder + decoder)
    return shape.body * share, shape.body * (1 - share)


def _written(shape: Shape, lengths: Lengths, settings: Mapping[str, Any]) -> float:
    """Operations to write one row's text, as measuring a summary or a translation takes."""
    if not shape.decoder_layers or not lengths.targets:
        return 0.0
    _, write = _halves(shape)
    mean = sum(lengths.targets) / len(lengths.targets)
    return _WRITING * int(settings.get("num_beams") or 1) * mean * 2.0 * (write + shape.table)


def _widest(
    sizes: list[int], rows: list[tuple[int, int]], processes: int, task: str
) -> tuple[int, int, int]:
    """Padded tokens, longest row and scored tokens of the batch with the most tokens."""
    ascending = sorted(rows, key=sum)
    most, start = (1, 1, 0), 0
    for size in sizes:
        batch = ascending[start : start + size]
        start += size
        here = -(-len(batch) // processes)
        source, target = max(n for n, _ in batch), max(m for _, m in batch)
        scored = source if task == GENERATES else target
        most = max(most, (here * (source + target), max(source, target), here * scored))
    return most
