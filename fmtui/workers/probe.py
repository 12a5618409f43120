"""A moment of measuring instead of flags: which precision and how many threads train fastest here.

Claims of the hardware don't tell: a CPU may list bf16 and be six times slower with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from fmtui.runs.slots import THREADS
from fmtui.workers.chosen import NAME, Chosen

_GAIN = 0.85
"""bf16 is taken where a step costs less than this share of one in fp32."""

_HOPELESS = 1.25
"""A first step in bf16 that takes so many times as long as one in fp32 settles it: what it spends
on getting ready, up to a third of a step, does not make up for that."""

_TOKENS = 256


def choose(folder: Path, model: Any, batch: Mapping[str, Any], wanted: str = "auto") -> Chosen:
    """What an earlier attempt of the run in `folder` chose, else what is measured now.

    The model's weights stay what they were; random numbers are drawn for its dropout.
    """
    cuda = torch.cuda.is_available()
    known = Chosen.load(folder)
    if known is not None and (known.threads is None) == cuda:
        if known.threads is not None:
            known.threads = min(known.threads, _allowed())
            torch.set_num_threads(known.threads)
        return known
    threads = None if cuda else _cores()
    if threads is not None:
        torch.set_num_threads(threads)
    precision, reason = (wanted, "as asked") if wanted != "auto" else _measured(model, batch)
    return Chosen(folder / NAME, precision, threads, reason, narrow=True)


def _measured(model: Any, batch: Mapping[str, Any]) -> tuple[str, str]:
    if torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if bf16 else "16", "this GPU computes it natively"
    # One layer tells most of it, in a hundredth of the time of a step.
    full, half = _compared(_layer(model), hopeless=2.0)
    if half < _GAIN * full:
        full, half = _compared(lambda: model(**batch).loss, hopeless=_HOPELESS)
        model.zero_grad(set_to_none=True)
    if half < _GAIN * full:
        return "bf16", f"bf16 is {full / half:.1f} times faster here"
    return "32", f"bf16 is {'slower' if half > full else 'hardly faster'} here"


def _layer(model: Any) -> Callable[[], torch.Tensor]:
    """A pass through a layer as wide as the model's."""
    config = model.config.get_text_config()
    width = min(int(getattr(config, "hidden_size", 512)), 2048)
    layer = torch.nn.Linear(width, 4 * width)
    inputs = torch.randn(_TOKENS, width)
    return lambda: layer(inputs).sum()


def _compared(loss: Callable[[], torch.Tensor], *, hopeless: float) -> tuple[float, float]:
    """Seconds of a pass and its gradient, in fp32 and in bf16.

    Each is warmed up, but for bf16 where its first pass takes `hopeless` times as long already.
    """
    _seconds(loss, None)
    full = _seconds(loss, None)
    half = _seconds(loss, torch.bfloat16)
    if half < hopeless * full:
        full = min(full, _seconds(loss, None))
        half = min(half, _seconds(loss, torch.bfloat16))
    return full, half


def _seconds(loss: Callable[[], torch.Tensor], dtype: Any) -> float:
    started = time.monotonic()
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        value = loss()
    value.backward()
    return time.monotonic() - started


def _allowed() -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return allowed or 1


def _cores() -> int:
    """The cores that this process may use: those of its slot; ranks on one machine share them.

    A person may ask for fewer by OMP_NUM_THREADS. For ranks accelerate sets it, to 1.
    """
    import psutil

    physical = psutil.cpu_count(logical=False) or _allowed()
    share = int(os.environ.get(THREADS) or physical)
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    asked = os.environ.get("OMP_NUM_THREADS", "") if ranks == 1 else ""
    wanted = int(asked) if asked.isdecimal() and int(asked) else physical
    return max(1, min(_allowed(), physical, share, wanted) // ranks)
