"""Out of memory: a batch is computed in parts, each with its share of the gradient.

Order, steps and rate stay what they were; only the passes become smaller.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import torch

MEMORY_WORDS = ("out of memory", "can't allocate memory", "failed to allocate", "bad_alloc")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it failed for want of memory, whoever says it in which words."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in MEMORY_WORDS)


def release() -> None:
    """Give back what a pass that failed still holds; call it outside of the `except`."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def rows_of(inputs: Mapping[str, Any]) -> int:
    return int(next(iter(inputs.values())).shape[0])


def in_parts(inputs: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """A batch's tensors in up to so many parts of about as many rows each."""
    if parts == 1:
        return [dict(inputs)]
    split = [tensor.tensor_split(parts) for tensor in inputs.values()]
    pieces = [dict(zip(inputs, piece, strict=True)) for piece in zip(*split, strict=True)]
    return [piece for piece in pieces if rows_of(piece)]
