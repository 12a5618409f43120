"""What is told of a source before its import."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Mark = Literal["ok", "warning", "no"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `no` means that the import would be refused."""

    mark: Mark
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """A source before its import. Sizes are bytes; what could not be told is None.

    `dtypes` counts parameters by type, `code` lists the Python files that would run if they were
    trusted, `to_fetch` is what the cache does not hold yet.
    """

    source: str
    repo: str | None
    commit: str | None
    license: str | None
    gated: bool
    files: int
    size_bytes: int
    to_fetch: int
    parameters: int | None
    dtypes: dict[str, int]
    model_type: str | None
    architecture: str | None
    task: str | None
    pickles: tuple[str, ...]
    code: tuple[str, ...]
    free_bytes: int
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether the import would go through, as far as can be told."""
        return all(check.mark != "no" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.ok}


def disk_check(free: int, needed: int, of: str = "") -> Check:
    """Whether so many bytes find room; `of` tells on which of several disks."""
    text = f"{bytes_text(free)} free{of and f' for {of}'}, {bytes_text(needed)} needed"
    return Check("ok" if needed <= free else "no", "disk", text)


def bytes_text(count: int) -> str:
    """Bytes as people read them."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"
