"""The journal of a run: one JSON object a line, appended in a single write, read incrementally.

Events: `state` (state), `metric` (step, epoch, split, values), `progress` (step, total, epoch,
epochs, rate), `resource` (values: what the run used of the machine), `checkpoint` (step, path),
`resumed` (step), `best` (text), `kept` (the step of the model that was kept), `warning` and
`note` (message).
A resumed run repeats the steps after its checkpoint, so readers forget the metrics beyond it; one
that begins again (`resumed` with step 0) has none.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.database import now
from registry.views import MetricPoint


class Journal:
    """Appends events. Safe to open by several processes: a line is one O_APPEND write.

    Raises OSError where the disk is full; what was half written then is no event.
    """

    def __init__(self, path: Path) -> None:
        self._half = b""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._handle).st_size
        # A writer that was killed, or a disk that was full, may have left half a line.
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")

    def write(self, event: str, **values: Any) -> None:
        line = json.dumps({"t": now(), "event": event, **values}, ensure_ascii=False) + "\n"
        content = self._half + line.encode()
        written = 0
        try:
            written = os.write(self._handle, content)
            # A disk that fills up takes a part; asked for the rest it says that it is full.
            while written < len(content):
                written += os.write(self._handle, content[written:])
        finally:
            if written:  # after half a line the next one begins on a line of its own
                self._half = b"" if written == len(content) else b"\n"

    def state(self, state: str, **values: Any) -> None:
        self.write("state", state=state, **values)

    def metrics(self, step: int, epoch: float | None, split: str, values: dict[str, float]) -> None:
        self.write("metric", step=step, epoch=epoch, split=split, values=values)

    def sync(self) -> None:
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


@dataclass
class Story:
    """What a journal tells so far. `read` goes on where the last call stopped.

    `started` is when it first ran; `resumed` and `first_step` tell where this attempt began.
    `resources` are points of the split `system`, whose step is in seconds since the first of them.
    """

    path: Path
    state: str | None = None
    started: str | None = None
    resumed: str | None = None
    first_step: int = 0
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    total_epochs: float = 0.0
    rate: float | None = None
    best: str | None = None
    kept_step: int | None = None
    last_event: str | None = None
    points: list[MetricPoint] = field(default_factory=list)
    resources: list[MetricPoint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _away: float = 0.0
    _left: str | None = None
    _first_sample: datetime | None = None
    _offset: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def read(self) -> Story:
        """Take in what was appended since; half a line at the end waits for its other half."""
        with self._lock:
            return self._read()

    def _read(self) -> Story:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return self
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        for line in content[:whole].decode(errors="replace").split("\n"):
            # Half a line of a killed writer; or a bundle's journal, which may say anything.
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                self._take(json.loads(line))
        return self

    @property
    def away(self) -> float:
        """Seconds in which it did not run between its attempts; one that waits again counts."""
        waits = self._left is not None and self.state in ("queued", "starting")
        return self._away + (_between(self._left, now()) if waits and self._left else 0.0)

    def _take(self, event: dict[str, Any]) -> None:
        moment = event.get("t")
        if moment is not None and datetime.fromisoformat(moment).tzinfo is None:
            raise ValueError(moment)
        before, self.last_event = self.last_event, moment
        kind = event.get("event")
        if kind == "state":
            self._take_state(event, before)
        elif kind == "metric":
            step, epoch, split = event["step"], event.get("epoch"), event["split"]
            self.points += [
                MetricPoint(step, epoch, split, name, float(value))
                for name, value in event["values"].items()
                if value is not None and math.isfinite(value)
            ]
        elif kind == "progress":
            self.step, self.total_steps = event["step"], event["total"]
            self.epoch, self.total_epochs = event["epoch"], event["epochs"]
            self.rate = event.get("rate")
        elif kind == "resource":
            self._take_sample(event)
        elif kind == "best":
            self.best = event["text"]
        elif kind == "kept":
            self.kept_step = event["step"]
        elif kind == "resumed":
            self.step = self.first_step = step = event["step"]
            self.points = [p for p in self.points if p.step <= step] if step else []
        elif kind == "warning":
            self.warnings.append(event["message"])

    def _take_state(self, event: dict[str, Any], before: str | None) -> None:
        """A state; `before` is the last sign of what came before, perhaps of a killed attempt."""
        self.state = event["state"]
        if self.state == "running":
            self.resumed = event.get("t")
            self.started = self.started or self.resumed
            if self._left and self.resumed:
                self._away += _between(self._left, self.resumed)
            self._left = None
        elif self.state != "finalizing" and self.started:
            self._left = self._left or before

    def _top_up(self, values: Mapping[str, float]) -> None:
        """Of several samples within a second the most counts: it is peaks that are looked for.

        Not all of them have everything: that of a checkpoint has the disk alone.
        """
        last, place = self.resources[-1].step, len(self.resources)
        rest = dict(values)
        while place and (point := self.resources[place - 1]).step == last:
            place -= 1
            if (value := float(rest.pop(point.name, 0.0))) > point.value:
                self.resources[place] = point._replace(value=value)
        self._add_sample(last, rest)

    def _add_sample(self, second: int, values: Mapping[str, float]) -> None:
        self.resources += [
            MetricPoint(second, None, "system", name, float(value))
            for name, value in values.items()
        ]

    def _take_sample(self, event: dict[str, Any]) -> None:
        moment = datetime.fromisoformat(event["t"])
        self._first_sample = self._first_sample or moment
        second = round((moment - self._first_sample).total_seconds())
        values: dict[str, float] = event["values"]
        if self.resources and second <= self.resources[-1].step:
            self._top_up(values)
            return
        if self.rate is not None:
            values = {**values, "rows_per_second": self.rate}
        self._add_sample(second, values)

    def final_metrics(self) -> dict[str, float]:
        """Every metric of the model that was kept, on held-out rows; else its last value.

        Training curves are left out, unless there is nothing else.
        """
        held_out = [p for p in self.points if p.split != "train"]
        kept = [p for p in held_out if p.step == self.kept_step]
        return {p.name: p.value for p in kept or held_out or self.points}


_stories: dict[Path, tuple[int, Story]] = {}


def _between(start: str, end: str) -> float:
    """Seconds between two moments as events have them, none where a clock was set back."""
    whole = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(whole.total_seconds(), 0.0)


def story_of(path: Path) -> Story:
    """The story of a journal up to now; a process that asks again reads only what is new."""
    try:
        inode = path.stat().st_ino
    except OSError:
        return Story(path)
    known = _stories.get(path)
    if known is None or known[0] != inode:
        known = _stories[path] = (inode, Story(path))
    return known[1].read()
