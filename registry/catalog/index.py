"""What makes the catalogue's rows quick to find, written once when they are all there."""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterator

from pyroaring import BitMap

from registry.catalog import facets, orders, sets

_BATCH = 2000


def build(connection: sqlite3.Connection) -> None:
    """Fill the search index, the facets, the sets of frequent words, and the orders."""
    _words_and_facets(connection)
    _frequent_words(connection)
    orders.build(connection)


def _words_and_facets(connection: sqlite3.Connection) -> None:
    """In one pass over the rows."""
    found: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))

    def words() -> Iterator[tuple[int, str]]:
        rows = connection.execute(
            "SELECT id, name, hub_id, architecture, source, tasks, finetune_tasks, license, "
            "gated, size_bytes FROM main.catalog_model ORDER BY id"
        )
        rows.arraysize = _BATCH
        for id, name, hub_id, architecture, *rest in map(tuple, rows):
            for facet in facets.values(*rest):
                found[facet].append(id)
            other = "" if hub_id is None or hub_id.lower() == name.lower() else hub_id
            tasks, tuned, license = rest[1], rest[2], rest[3] or ""
            yield id, f"{name} {other} {tasks} {tuned} {license} {architecture or ''}"

    connection.executemany("INSERT INTO main.catalog_search (rowid, words) VALUES (?, ?)", words())
    connection.execute("INSERT INTO main.catalog_search (catalog_search) VALUES ('optimize')")
    connection.executemany(
        "INSERT INTO main.catalog_facet VALUES (?, ?, ?, ?)",
        (
            (kind, value, len(models), sets.dump(models))
            for (kind, value), ranks in found.items()
            if (models := BitMap(ranks))
        ),
    )


def _frequent_words(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE VIRTUAL TABLE temp.catalog_term USING fts5vocab(main, catalog_search, instance)"
    )
    occurrences = connection.execute("SELECT term, doc FROM temp.catalog_term")
    occurrences.row_factory = None
    connection.executemany(
        "INSERT INTO main.catalog_word VALUES (?, ?, ?)",
        ((word, since, sets.dump(ranks)) for word, since, ranks in sets.beginnings(occurrences)),
    )
    connection.execute("DROP TABLE temp.catalog_term")
