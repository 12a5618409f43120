"""Where a list gets its records: all at once, or by pages as they come into sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """Where a list gets its records; `total` may grow while it is read."""

    @property
    def total(self) -> int: ...

    def row(self, index: int) -> T_co | None: ...

    def find(self, key: str, key_of: Callable[[Any], str]) -> int | None: ...


class Rows(Generic[T]):
    """A source that has all its records already."""

    def __init__(self, rows: Sequence[T] = ()) -> None:
        self.rows = rows

    @property
    def total(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> T | None:
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def find(self, key: str, key_of: Callable[[Any], str]) -> int | None:
        return next((i for i, row in enumerate(self.rows) if key_of(row) == key), None)


class Pages(Generic[T]):
    """A source that fetches pages when their lines come into sight.

    Args:
        fetch: Takes an offset and a limit, returns rows, the total, and whether counting
            stopped at that total; then the end is found by reading on.
    """

    LIMIT = 100

    def __init__(self, fetch: Callable[[int, int], tuple[Sequence[T], int, bool]]) -> None:
        self._fetch = fetch
        self._pages: dict[int, Sequence[T]] = {}
        self._total = 0
        self.counted = 0
        self.capped = False
        self._page(0)

    @property
    def total(self) -> int:
        return self._total

    def row(self, index: int) -> T | None:
        if not 0 <= index < self._total:
            return None
        rows = self._page(index // self.LIMIT)
        at = index % self.LIMIT
        return rows[at] if at < len(rows) else None

    def find(self, key: str, key_of: Callable[[Any], str]) -> int | None:
        for page in sorted(self._pages):
            for at, row in enumerate(self._pages[page]):
                if key_of(row) == key:
                    return page * self.LIMIT + at
        return None

    def _page(self, number: int) -> Sequence[T]:
        rows = self._pages.get(number)
        if rows is None:
            rows, self.counted, self.capped = self._fetch(number * self.LIMIT, self.LIMIT)
            self._pages[number] = rows
            end = number * self.LIMIT + len(rows)
            if not self.capped:
                self._total = self.counted
            elif len(rows) < self.LIMIT:
                self._total = end
            else:
                self._total = max(self._total, self.counted, end + self.LIMIT)
        return rows
