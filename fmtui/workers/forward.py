"""Passes through a model to measure it: rows of like length together, no gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from fmtui.workers.batches import by_length

Tick = Callable[[int, int], None]
"""Called with the batches done and their number; what it raises ends the passes."""


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """A model as it answers, while the block runs: no dropout, no gradients."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def in_batches(
    lengths: Sequence[int],
    forward: Callable[[list[int]], Iterable[Any]],
    *,
    batch_size: int = 64,
    tick: Tick | None = None,
) -> list[Any]:
    """Apply `forward` to batches of like length, the longest first.

    Args:
        lengths: Tokens of each row.
        forward: Takes the places of a batch's rows, gives a result for each.
        batch_size: Rows of average length in a batch.

    Returns:
        The results in the order of the rows.
    """
    results: list[Any] = [None] * len(lengths)
    batches = by_length(lengths, batch_size)
    with torch.inference_mode():
        for number, indices in enumerate(batches, 1):
            for index, value in zip(indices, forward(indices), strict=True):
                results[index] = value
            if tick is not None:
                tick(number, len(batches))
    return results
