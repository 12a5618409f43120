"""The orders that a list of the catalogue can have, and pages in them.

The rows' id is their rank, so the best come first without a sort. What has few values (a task, a
licence) is ordered by the sets of its facet, one value after the other. Of what has many (a name,
a size) the file keeps the ranks in that order; a page is read by walking along it. What is
unknown comes last in either direction.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from registry.errors import UsageError

if TYPE_CHECKING:
    from pyroaring import BitMap

RANK = "rank"
COLUMNS = {
    "name": "name",
    "size": "size_bytes",
    "parameters": "parameters",
    "downloads": "downloads",
}
"""Orders that are kept, by the column that each is of."""

FACETS = ("source", "task", "finetune_task", "license")
"""Orders by a facet's values."""

SORTS = (
    RANK,
    "name",
    "source",
    "task",
    "finetune_task",
    "size",
    "parameters",
    "license",
    "downloads",
)
"""What a list can be sorted by: the first in the alphabet and the smallest first, but downloads,
which as the rank begin with the most."""

_FEW = 2000
"""So many hits are sorted at once, rather than looked for along an order."""


def build(connection: sqlite3.Connection) -> None:
    """Write the orders of the catalogue that is being built."""
    for name, column in COLUMNS.items():
        ranks = array("I")
        (known,) = connection.execute(f"SELECT count({column}) FROM main.catalog_model").fetchone()
        rows = connection.execute(
            f"SELECT id FROM main.catalog_model ORDER BY {column} NULLS LAST, id"
        )
        ranks.extend(row[0] for row in rows)
        connection.execute(
            "INSERT INTO main.catalog_order VALUES (?, ?, ?)", (name, known, ranks.tobytes())
        )


def page(
    connection: sqlite3.Connection,
    hits: BitMap | None,
    sort: str | None,
    reverse: bool,
    offset: int,
    limit: int,
) -> tuple[int, Sequence[int]]:
    """How many hits there are, and the ranks of a page of them. `hits` None stands for all.

    Raises UsageError when there is no such order.
    """
    sort = sort or RANK
    if sort not in SORTS:
        raise UsageError(f"can't sort by `{sort}`", hint=f"Sort by one of {', '.join(SORTS)}.")
    every = models(connection)
    if sort == "downloads":  # the fewest first is kept, the most first is the rank
        sort, reverse = (sort, False) if reverse else (RANK, False)
    ranks = _ranks(connection, hits, every, sort, reverse, offset, limit)
    return every if hits is None else len(hits), ranks


def models(connection: sqlite3.Connection) -> int:
    """How many models the catalogue holds: ranks go from 1 to that."""
    sql = "SELECT coalesce(max(id), 0) FROM catalog_model"
    return int(connection.execute(sql).fetchone()[0])


def _ranks(
    connection: sqlite3.Connection,
    hits: BitMap | None,
    every: int,
    sort: str,
    reverse: bool,
    offset: int,
    limit: int,
) -> Sequence[int]:
    if sort == RANK:
        ranks: Any = range(1, every + 1) if hits is None else hits
        return _slice(ranks, reverse, offset, limit)
    if sort in FACETS:
        return _by_facet(connection, hits, every, sort, reverse, offset, limit)
    if hits is not None and len(hits) <= _FEW:
        direction = "DESC" if reverse else "ASC"
        rows = connection.execute(
            "SELECT id FROM catalog_model WHERE id IN (SELECT value FROM json_each(?)) "
            f"ORDER BY {COLUMNS[sort]} {direction} NULLS LAST, id LIMIT ? OFFSET ?",
            (json.dumps(list(hits)), limit, offset),
        )
        return [row[0] for row in rows]
    known, kept = _kept(connection, sort)
    walk: Iterator[int] = iter(kept)
    if reverse:
        walk = chain(reversed(kept[:known]), kept[known:])
    if hits is not None:
        walk = filter(hits.__contains__, walk)
    return list(islice(walk, offset, offset + limit))


def _slice(ranks: Any, reverse: bool, offset: int, limit: int) -> Sequence[int]:
    """A page of ranks, a range or a set, which has a length and slices too."""
    if not reverse:
        return list(ranks[offset : offset + limit])
    end = max(len(ranks) - offset, 0)
    return list(ranks[max(end - limit, 0) : end])[::-1]


def _by_facet(
    connection: sqlite3.Connection,
    hits: BitMap | None,
    every: int,
    kind: str,
    reverse: bool,
    offset: int,
    limit: int,
) -> Sequence[int]:
    """Value after value; a model of several stands at the first of them."""
    from pyroaring import BitMap

    left = BitMap(range(1, every + 1)) if hits is None else hits.copy()
    direction = "DESC" if reverse else "ASC"
    found: list[int] = []
    groups = connection.execute(
        f"SELECT ranks FROM catalog_facet WHERE kind = ? ORDER BY value {direction}", (kind,)
    )
    for (kept,) in groups:
        group = left & BitMap.deserialize(kept)
        left -= group
        found += group[offset : offset + limit - len(found)]
        offset = max(offset - len(group), 0)
        if len(found) >= limit:
            return found
    return [*found, *left[offset : offset + limit - len(found)]]


def _kept(connection: sqlite3.Connection, name: str) -> tuple[int, array[int]]:
    """How many models have a value at all, and all ranks in the order, those without one last."""
    known, kept = connection.execute(
        "SELECT known, ranks FROM catalog_order WHERE name = ?", (name,)
    ).fetchone()
    ranks = array("I")
    ranks.frombytes(kept)
    return known, ranks


def between(connection: sqlite3.Connection, low: int, high: int | None) -> BitMap:
    """The models whose size in bytes is at least `low` and less than `high`, None for no end."""
    from pyroaring import BitMap

    known, ranks = _kept(connection, "size")

    def size(rank: int) -> int:
        sql = "SELECT size_bytes FROM catalog_model WHERE id = ?"
        return int(connection.execute(sql, (rank,)).fetchone()[0])

    start = bisect_left(ranks, low, hi=known, key=size)
    end = known if high is None else bisect_left(ranks, high, hi=known, key=size)
    return BitMap(ranks[start:end])
