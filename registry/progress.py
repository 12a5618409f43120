"""How far an import is: bytes over all files, with the rate of those that come over the line."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from registry.views import ImportProgress

Report = Callable[[ImportProgress], None]
_WINDOW = 5.0


class Meter(Protocol):
    """Told how a file grows; `had` counts bytes that were there before."""

    def __call__(self, count: int, *, had: bool = False) -> None: ...


def unseen(count: int, *, had: bool = False) -> None:
    """A meter that nobody looks at."""


class Counter:
    """Adds up bytes over files. A file that was already there counts when it is finished."""

    def __init__(self, report: Report, stage: str, total: int) -> None:
        self.total = total
        self._report = report
        self._stage = stage
        self._done = 0
        self._in_file = 0
        self._came = 0
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def on(self, file: str) -> Meter:
        self._in_file = 0

        def advance(count: int, *, had: bool = False) -> None:
            self._in_file += count
            self._done += count
            if not had:
                self._came += max(count, 0)
            self._tell(file)

        return advance

    def finish(self, file: str, size: int) -> None:
        """Count the file as done, however much of it came over the line."""
        self._done += size - self._in_file
        self._in_file = 0
        self._tell(file)

    def _tell(self, file: str) -> None:
        rate = self._rate()
        left = (self.total - self._done) / rate if rate else None
        self._report(ImportProgress(self._stage, file, self._done, self.total, rate, left))

    def _rate(self) -> float | None:
        """Bytes a second over the last seconds; None before there is enough to tell."""
        now = time.monotonic()
        if now - self._seen[-1][0] >= 0.2:
            self._seen.append((now, self._came))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        then, came = self._seen[0]
        return (self._came - came) / (now - then) if now - then >= 0.5 else None
