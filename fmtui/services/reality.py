"""What a run took, beside what was estimated for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fmtui.errors import FmtuiError
from fmtui.services import runs
from fmtui.services.context import Context
from fmtui.services.text import duration, size

_SHORT = 60
"""Seconds below which their tenths are told."""


@dataclass(frozen=True, slots=True)
class Side:
    """One thing that was estimated, and what it came to; None where that is not known (yet).

    `name` is memory (bytes at most), time (seconds) or disk (bytes at most).
    """

    name: str
    estimated: float | None
    measured: float | None

    def words(self) -> str:
        """`1.1 GB of ~1.2 GB`, or what of it is known."""
        measured = self._value(self.measured)
        told = self._value(self.estimated)
        if told is None:
            return measured or "–"
        return f"{measured} of ~{told}" if measured else f"~{told}"

    def _value(self, value: float | None) -> str | None:
        if value is None:
            return None
        if self.name != "time":
            return size(round(value))
        return f"{value:.1f} s" if value < _SHORT else duration(value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def beside(ctx: Context, ref: str) -> tuple[Side, ...]:
    """Memory, time and disk of a run: the estimate in its spec, and what its samples say.

    Nothing for a run that was started without an estimate.
    """
    info = runs.show(ctx, ref)
    try:
        told = runs.spec(ctx, ref).get("estimate")
    except FmtuiError:  # its folder is gone
        return ()
    if not isinstance(told, dict):
        return ()
    peaks: dict[str, float] = {}
    for point in runs.resources(ctx, ref):
        peaks[point.name] = max(point.value, peaks.get(point.name, 0.0))
    memory = peaks.get("gpu_memory_bytes", peaks.get("memory_bytes"))
    return (
        Side("memory", told.get("memory_bytes"), memory),
        Side("time", told.get("seconds"), info.seconds),
        Side("disk", told.get("disk_bytes"), peaks.get("disk_bytes")),
    )
