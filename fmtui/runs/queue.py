"""The order in which runs wait: by priority, then by place, then by number. All of it on disk.

`queue.json` in a run's folder holds its place; `queue.json` in `runs/` holds the queue back as a
whole. Neither is there until somebody moved or paused something.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fmtui.paths import Home
from fmtui.runs.folder import RunFolder
from fmtui.runs.process import write_json


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands. A higher `priority` goes first; among equals the lower `order`, which
    is the run's number where it is None. A `paused` run is passed over."""

    priority: int = 0
    order: float | None = None
    paused: bool = False


def place_of(folder: RunFolder) -> Place:
    """The place of a run; the usual one where none was given or the file is broken."""
    try:
        return Place(**json.loads((folder.path / "queue.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Place()


def put(folder: RunFolder, place: Place) -> None:
    """Give a run its place. Raises OSError."""
    write_json(folder.path / "queue.json", asdict(place))


def _key(folder: RunFolder) -> tuple[float, float, int]:
    place = place_of(folder)
    return -place.priority, folder.id if place.order is None else place.order, folder.id


def in_order(folders: Iterable[RunFolder]) -> list[RunFolder]:
    """Runs in the order in which they would start."""
    return sorted(folders, key=_key)


def move(folder: RunFolder, others: Iterable[RunFolder], *, first: bool) -> None:
    """Put a run before or behind all `others`, whatever their priority. Raises OSError."""
    ends = in_order(other for other in others if other.id != folder.id)
    if ends:
        end = ends[0] if first else ends[-1]
        priority, order, _ = _key(end)
        place = replace(
            place_of(folder), priority=-int(priority), order=order + (-1 if first else 1)
        )
        put(folder, place)


def shift(folder: RunFolder, others: Iterable[RunFolder], by: int) -> None:
    """Put a run so many places earlier (`by` below 0) or later; it takes the priority of the one
    that it passes last. Raises OSError."""
    line = in_order(others)
    at = next(i for i, other in enumerate(line) if other.id == folder.id)
    rest = [other for other in line if other.id != folder.id]
    to = max(0, min(at + by, len(rest)))
    if to == at:
        return
    passed, beyond = (to, to - 1) if by < 0 else (to - 1, to)
    priority, edge, _ = _key(rest[passed])
    order = edge + (-1 if by < 0 else 1)
    if 0 <= beyond < len(rest) and _key(rest[beyond])[0] == priority:
        other = _key(rest[beyond])[1]
        order = (edge + other) / 2
        if order in (edge, other):  # nothing lies between two floats, or two have one order
            for number, each in enumerate((*rest[:to], folder, *rest[to:])):
                put(each, replace(place_of(each), order=float(number)))
            order = float(to)
    put(folder, replace(place_of(folder), priority=-int(priority), order=order))


def is_paused(home: Home) -> bool:
    """Whether the queue as a whole is held back."""
    try:
        return bool(json.loads(_file(home).read_text())["paused"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def set_paused(home: Home, paused: bool) -> None:
    """Hold the queue back, or let it go on. Raises OSError."""
    if paused:
        home.runs.mkdir(parents=True, exist_ok=True)
        write_json(_file(home), {"paused": True})
    else:
        _file(home).unlink(missing_ok=True)


def _file(home: Home) -> Path:
    return home.runs / "queue.json"
