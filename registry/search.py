"""Search in the catalogue: words and beginnings of words in any order, filters, orders, pages.

What is frequent is joined as sets (`registry.catalog.sets`), what is rare FTS5 finds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, TypedDict, Unpack

from registry.catalog import facets as facet
from registry.catalog import orders
from registry.catalog.queries import WORD, entry, imported
from registry.catalog.views import CatalogEntry, CatalogPage

if TYPE_CHECKING:
    from pyroaring import BitMap

CAP = 1000
"""Where totals stop: one above it is shown as `1000+`."""

_MOST_WORDS = 16
_LISTED = (
    "id, source, name, version, hub_id, license, tasks, finetune_tasks, parameters, size_bytes, "
    "downloads, architecture, languages, gated, skus, defaults"
)


class Filters(TypedDict, total=False):
    """What a search leaves out; None asks for nothing.

    `size` is a bound such as `<1G` or `>=500M`, which what has no known size never passes.
    `gated`: only what asks for consent on the hub, or only what does not. `imported`: only what
    has been imported here, or only what has not.
    """

    source: str | None
    task: str | None
    finetune_task: str | None
    license: str | None
    size: str | None
    gated: bool | None
    imported: bool | None


def search(
    connection: sqlite3.Connection,
    query: str = "",
    *,
    sort: str | None = None,
    reverse: bool = False,
    offset: int = 0,
    limit: int = 50,
    **filters: Unpack[Filters],
) -> CatalogPage:
    """A page of the entries that hold every word of `query` (as a beginning) and pass the filters.

    Any text may be typed. Descriptions are left out of lists.

    Raises:
        UsageError: there is no such sort, or `size` is no bound.
    """
    here = imported(connection)
    hits = _hits(connection, query, filters, here)
    total, ranks = orders.page(connection, hits, sort, reverse, max(offset, 0), max(limit, 0))
    rows = _rows(connection, ranks, here)
    return CatalogPage(rows=rows, total=min(total, CAP), capped=total > CAP)


def _rows(
    connection: sqlite3.Connection, ranks: Sequence[int], here: dict[str, str]
) -> tuple[CatalogEntry, ...]:
    sql = f"SELECT {_LISTED} FROM catalog_model WHERE id IN (SELECT value FROM json_each(?))"
    rows = {row["id"]: row for row in connection.execute(sql, (json.dumps(ranks),))}
    return tuple(entry(rows[rank], here) for rank in ranks)


def _hits(
    connection: sqlite3.Connection, query: str, filters: Filters, here: dict[str, str]
) -> BitMap | None:
    """The ranks of what is asked for; None where all is."""
    words = WORD.findall(query)[:_MOST_WORDS]
    if not words and all(value in (None, "") for value in filters.values()):
        return None
    from registry.catalog import sets

    found = sets.of_words(connection, words)
    for kind in orders.FACETS:
        if value := filters.get(kind):
            found.append(sets.of_facet(connection, kind, str(value).lower()))
    if (gated := filters.get("gated")) is not None:
        found.append(sets.of_facet(connection, "gated", "yes" if gated else "no"))
    if size := filters.get("size"):
        found.append(_of_size(connection, size))
    if (wanted := filters.get("imported")) is not None:
        found.append(_of_imported(connection, here, wanted))
    return reduce(and_, sorted(found, key=len))


def _of_size(connection: sqlite3.Connection, bound: str) -> BitMap:
    from registry.catalog import sets

    low_high = facet.bytes_between(bound)
    for offered, ends in facet.OFFERED.items():
        if ends == low_high:
            return sets.of_facet(connection, "size", offered)
    return orders.between(connection, *low_high)


def _of_imported(connection: sqlite3.Connection, here: Iterable[str], wanted: bool) -> BitMap:
    """What has been imported (`here` holds the references), or else all that has not."""
    from pyroaring import BitMap

    ranks = BitMap()
    for reference in here:
        source, _, name = reference.partition(":")
        sql = "SELECT id FROM catalog_model WHERE name = ? AND source = ?"
        ranks.update(row[0] for row in connection.execute(sql, (name, source)))
    return ranks if wanted else BitMap(range(1, orders.models(connection) + 1)) - ranks
