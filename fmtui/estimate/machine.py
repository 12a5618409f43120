"""The machine: its memory, and how many floating point operations a second training gets of it."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.runs import slots
from fmtui.runs.process import write_json

_EFFICIENCY = 0.5
"""The share of a plain matrix product's speed that training reaches on a CPU; measured."""

_MEASURED = 5
"""How often a CPU is measured, so that one look at a busy moment does not count for ever."""

_ON_A_GPU = 0.35
"""The share of a GPU's peak that training in 16 bits usually reaches."""

_PEAKS = {
    "H200": 989e12, "H100": 989e12, "A100": 312e12, "L40": 181e12, "L4": 121e12, "A10": 125e12,
    "A30": 165e12, "V100": 125e12, "T4": 65e12, "RTX 4090": 165e12, "RTX 3090": 71e12,
    "P100": 19e12,
}  # fmt: skip
"""Dense 16-bit operations a second by the vendor's data sheets, the names in order of match."""
_UNKNOWN_GPU = 50e12

_CGROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run may use. `memory` (bytes) is the GPU's where there is one."""

    name: str
    cores: int
    memory: int
    gpu: str | None = None

    @property
    def label(self) -> str:
        """Tells this machine from others that share a home."""
        return f"{self.name}/{self.cores}/{self.gpu or 'cpu'}"


def here() -> Machine:
    """This machine."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = min(cores or 1, psutil.cpu_count(logical=False) or cores or 1)
    name = os.uname().nodename
    if slots.gpus() and (found := _gpu()):
        return Machine(name, cores, found[1], found[0])
    return Machine(name, cores, min(psutil.virtual_memory().total, _allowed()))


def _allowed() -> int:
    """The bytes that a container may use; without one no bound."""
    for path in _CGROUPS:
        with suppress(OSError, ValueError):
            return int(path.read_text())
    return 1 << 62


def _gpu() -> tuple[str, int] | None:
    """Name and memory of the first GPU, None where the driver does not tell."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        name = pynvml.nvmlDeviceGetName(handle)
        return str(name), int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    except Exception:  # no module, no driver: NVML has an error class for each
        return None


def speed(machine: Machine, store: Path) -> float:
    """Operations a second that training gets of a machine where no run has told yet.

    Args:
        store: A file that keeps what a CPU was measured at; the best of a few looks counts.
    """
    if machine.gpu:
        known = (peak for word, peak in _PEAKS.items() if word in machine.gpu)
        return _ON_A_GPU * next(known, _UNKNOWN_GPU)
    best, times = _stored(store, machine.label)
    if times < _MEASURED:
        best, times = max(best, _measure()), times + 1
        with suppress(OSError):
            write_json(store, {"machine": machine.label, "flops": best, "times": times})
    return _EFFICIENCY * best


def _stored(store: Path, label: str) -> tuple[float, int]:
    """What was measured so far, and how often."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored: dict[str, Any] = json.loads(store.read_text())
        if stored["machine"] == label:
            return float(stored["flops"]), int(stored["times"])
    return 0.0, 0


def _measure(seconds: float = 0.2) -> float:
    """Operations a second of a product of two matrices as layers have them; the best of some."""
    import numpy as np

    rows, inner, columns = 1024, 512, 2048
    left: Any = np.ones((rows, inner), dtype=np.float32)
    right: Any = np.ones((inner, columns), dtype=np.float32)
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - start)
    return 2.0 * rows * inner * columns / best
