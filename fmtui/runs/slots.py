"""Slots: how many runs this machine carries at once, each a file lock that the worker inherits.

One a GPU; without a GPU one for the CPU. A slot is free when no process of a run holds its lock,
so a slot can't be lost: the kernel gives it back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fmtui.runs.process import is_locked, try_lock

_NVIDIA = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Slot:
    """A held slot: the open file that holds it, and what its worker must have set."""

    handle: int
    name: str
    env: dict[str, str]


def names() -> list[str]:
    """The slots of this machine: `gpu0`, `gpu1`, ... (those of CUDA_VISIBLE_DEVICES) or `cpu`."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        gpus = [part.strip() for part in chosen.split(",") if part.strip() not in ("", "-1")]
    else:
        gpus = [str(i) for i in range(len(list(_NVIDIA.iterdir())))] if _NVIDIA.is_dir() else []
    return [f"gpu{gpu}" for gpu in gpus] or ["cpu"]


def free(folder: Path) -> int:
    """How many slots nobody holds."""
    return sum(not is_locked(folder / f"{name}.lock") for name in names())


def take(folder: Path) -> Slot | None:
    """Take a free slot, None when all are held."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names():
        handle = try_lock(folder / f"{name}.lock")
        if handle is not None:
            env = {"CUDA_VISIBLE_DEVICES": name.removeprefix("gpu")} if name != "cpu" else {}
            return Slot(handle, name, env)
    return None


@contextmanager
def holding(folder: Path) -> Iterator[Slot | None]:
    """Hold a slot, as the tests do to keep runs queued."""
    slot = take(folder)
    try:
        yield slot
    finally:
        if slot is not None:
            os.close(slot.handle)
