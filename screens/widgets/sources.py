"""Where a list gets its records: all at once, or by pages as they come into sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class Keyed(Generic[T]):
    """A source whose order is known by keys; its records are fetched when they come into sight.

    Args:
        keys: All keys, in their order.
        fetch: Takes some keys, returns their records; one that is gone is left out.
        beside: The index of a line that is in sight: its records are fetched at once.
    """

    LIMIT = 100

    def __init__(
        self, keys: Sequence[int], fetch: Callable[[Sequence[int]], Sequence[T]], beside: int = 0
    ) -> None:
        self.keys = keys
        self._fetch = fetch
        self._pages: dict[int, Sequence[T]] = {}
        for index in (beside - self.LIMIT // 2, beside + self.LIMIT // 2):
            self.row(max(0, min(index, len(keys) - 1)))

    def __eq__(self, other: object) -> bool:
        """Whether it says the same as another, where both have looked."""
        if not isinstance(other, Keyed) or self.keys != other.keys:
            return False
        both = self._pages.keys() & other._pages.keys()
        return all(self._pages[page] == other._pages[page] for page in both)

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        return len(self.keys)

    def seen(self) -> list[T]:
        """The records that were fetched so far."""
        return [row for page in self._pages.values() for row in page]

    def row(self, index: int) -> T | None:
        if not 0 <= index < len(self.keys):
            return None
        number, at = divmod(index, self.LIMIT)
        rows = self._pages.get(number)
        if rows is None:
            begin = number * self.LIMIT
            rows = self._pages[number] = self._fetch(self.keys[begin : begin + self.LIMIT])
        return rows[at] if at < len(rows) else None

    def find(self, key: str, key_of: Callable[[Any], str]) -> int | None:
        return _in_pages(self._pages, self.LIMIT, key, key_of)


class Arriving(Generic[T]):
    """A source whose pages come from a thread; the keyboard stays alive while they do.

    Args:
        total: How many records there are.
        ask: Takes the number of a page that came into sight; `put` brings its records.
        waiting: What stands on a line until then, by its index.
    """

    LIMIT = 50
    KEPT = 40

    def __init__(self, total: int, ask: Callable[[int], None], waiting: Callable[[int], T]) -> None:
        self._total = total
        self._ask = ask
        self._waiting = waiting
        self._pages: dict[int, Sequence[T]] = {}
        self._asked: set[int] = set()

    @property
    def total(self) -> int:
        return self._total

    def put(self, number: int, rows: Sequence[T]) -> None:
        """The records of a page are there; of many pages, those seen long ago are given up."""
        self._asked.discard(number)
        self._pages[number] = rows
        while len(self._pages) > self.KEPT:
            del self._pages[next(iter(self._pages))]

    def row(self, index: int) -> T | None:
        if not 0 <= index < self._total:
            return None
        number, at = divmod(index, self.LIMIT)
        rows = self._pages.pop(number, None)
        if rows is not None:
            self._pages[number] = rows
            return rows[at] if at < len(rows) else None
        if number not in self._asked:
            self._asked.add(number)
            self._ask(number)
        return self._waiting(index)

    def find(self, key: str, key_of: Callable[[Any], str]) -> int | None:
        return _in_pages(self._pages, self.LIMIT, key, key_of)


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


def _in_pages(
    pages: Mapping[int, Sequence[T]], limit: int, key: str, key_of: Callable[[Any], str]
) -> int | None:
    """The index of a record among the pages that are there."""
    for number, rows in pages.items():
        for at, row in enumerate(rows):
            if key_of(row) == key:
                return number * limit + at
    return None
