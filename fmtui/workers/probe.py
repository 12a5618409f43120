"""A second of measuring instead of flags: which precision and how many threads train fastest here.

Claims of the hardware don't tell: a CPU may list bf16 and be six times slower with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from fmtui.runs.slots import THREADS

_SECONDS = 1.0


@dataclass(frozen=True)
class Choice:
    """`precision` is 32, bf16 or 16; `threads` is None where a GPU does the work."""

    precision: str
    threads: int | None
    reason: str


def probe(model: Any, batch: Mapping[str, Any], wanted: str = "auto") -> Choice:
    """Measure training steps on `batch` and choose; leaves the model's weights as they were."""
    if torch.cuda.is_available():
        if wanted != "auto":
            return Choice(wanted, None, "as asked")
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Choice("bf16" if bf16 else "16", None, "this GPU computes it natively")
    cores = _cores()
    torch.set_num_threads(cores)
    if wanted != "auto":
        return Choice(wanted, cores, "as asked")
    started = time.monotonic()
    _step(model, batch, None)
    # A model so slow that one step outlasts the budget is not worth a second measurement.
    if time.monotonic() - started > _SECONDS:
        return Choice("32", cores, "a step takes longer than the probe may")
    full = min(_step(model, batch, None) for _ in range(2))
    half = _step(model, batch, torch.bfloat16)
    if half < 0.85 * full:
        half = min(half, _step(model, batch, torch.bfloat16))
    model.zero_grad(set_to_none=True)
    if half < 0.85 * full:
        return Choice("bf16", cores, f"bf16 is {full / half:.1f} times faster here")
    return Choice("32", cores, f"bf16 is {half / full:.1f} times slower here")


def _step(model: Any, batch: Mapping[str, Any], dtype: Any) -> float:
    started = time.monotonic()
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        loss = model(**batch).loss
    loss.backward()
    return time.monotonic() - started


def _cores() -> int:
    """The cores that this process may use: those of its slot; ranks on one machine share them."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    physical = psutil.cpu_count(logical=False) or allowed or 1
    share = int(os.environ.get(THREADS) or physical)
    return max(1, min(allowed or 1, physical, share) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
