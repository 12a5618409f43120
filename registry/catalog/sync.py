"""How a source's entries come into the registry: all of them in one transaction, then ranked.

A reader sees what was there before or what is there after. Plain SQL, so that a new registry
is filled without SQLModel's import.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from registry.catalog import facets
from registry.catalog.entries import Entry, Source
from registry.database import Database, now, storage_errors
from registry.errors import BadInputError
from registry.references import NAME

_FACTS = (
    "name, version, hub_id, license, tasks, finetune_tasks, parameters, size_bytes, downloads, "
    "architecture, languages, gated, skus, defaults, description"
)
_COLUMNS = f"source, {_FACTS}, synced"
_NAME = re.compile(rf"{NAME.pattern}(?:/{NAME.pattern})?")


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync changed in `source`; `total` is what the source holds now."""

    source: str
    new: int
    updated: int
    gone: int
    total: int


def sync(db: Database, source: Source) -> SyncResult:
    """Replace what the registry holds of `source`. Nothing changes when an entry can't be read."""
    connection = db.read()
    # Staged first: a source that is slow must not keep others from writing.
    with storage_errors(db.path), _staged(connection, source.name, source.entries()), db.write():
        return _put(connection, source.name)


def replace(connection: sqlite3.Connection, source: str, entries: Iterable[Entry]) -> SyncResult:
    """The same within the caller's transaction."""
    with _staged(connection, source, entries):
        return _put(connection, source)


@contextmanager
def _staged(
    connection: sqlite3.Connection, source: str, entries: Iterable[Entry]
) -> Iterator[None]:
    """The entries as the temporary table `incoming`, in the order in which they came."""
    connection.execute(f"CREATE TEMP TABLE incoming (place INTEGER PRIMARY KEY, {_COLUMNS})")
    try:
        marks = ", ".join("?" * (_COLUMNS.count(",") + 1))
        time = now()
        own = not connection.in_transaction
        if own:
            connection.execute("BEGIN")
        connection.executemany(
            f"INSERT INTO incoming ({_COLUMNS}) VALUES ({marks})",
            ((source, *_row(entry), time) for entry in entries),
        )
        # The table's key: a source that names a model twice keeps the better ranked one.
        connection.execute(
            "DELETE FROM incoming WHERE place NOT IN "
            "(SELECT min(place) FROM incoming GROUP BY name COLLATE NOCASE, version)"
        )
        if own:
            connection.execute("COMMIT")
        yield
    except BaseException:
        if own and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("DROP TABLE IF EXISTS temp.incoming")


def _put(connection: sqlite3.Connection, source: str) -> SyncResult:
    new, updated, gone = _compare(connection, source)
    _rank(connection, source)
    _index(connection)
    (total,) = connection.execute("SELECT count(*) FROM incoming").fetchone()
    return SyncResult(source, new, updated, gone, total)


def _row(entry: Entry) -> tuple[object, ...]:
    if not _NAME.fullmatch(entry.name):
        raise BadInputError(f"`{entry.name}` can't be a model's name in the catalogue")
    return (
        entry.name,
        entry.version,
        entry.hub_id,
        entry.license,
        json.dumps(entry.tasks),
        json.dumps(entry.finetune_tasks),
        entry.parameters,
        entry.size_bytes,
        entry.downloads,
        entry.architecture,
        json.dumps(entry.languages),
        entry.gated,
        json.dumps(entry.skus),
        json.dumps(entry.defaults),
        entry.description,
    )


def _compare(connection: sqlite3.Connection, source: str) -> tuple[int, int, int]:
    """How many names are new, changed and gone."""
    (new,) = connection.execute(
        "SELECT count(*) FROM incoming WHERE name COLLATE NOCASE NOT IN "
        "(SELECT name FROM catalog_model WHERE source = ?)",
        (source,),
    ).fetchone()
    (changed,) = connection.execute(
        f"SELECT count(*) FROM (SELECT {_FACTS} FROM incoming "
        f"EXCEPT SELECT {_FACTS} FROM catalog_model WHERE source = ?)",
        (source,),
    ).fetchone()
    (gone,) = connection.execute(
        "SELECT count(*) FROM catalog_model WHERE source = ? AND name NOT IN "
        "(SELECT name FROM incoming)",
        (source,),
    ).fetchone()
    return new, changed - new, gone


def _rank(connection: sqlite3.Connection, source: str) -> None:
    """Write all rows anew, their id being their rank: 1 is the best, and none is left out."""
    connection.execute(
        f"CREATE TEMP TABLE others AS SELECT id AS place, {_COLUMNS} FROM catalog_model "
        "WHERE source <> ?",
        (source,),
    )
    connection.execute("DELETE FROM catalog_model")
    connection.execute(
        f"INSERT INTO catalog_model (id, {_COLUMNS}) SELECT row_number() OVER "
        f"(ORDER BY downloads DESC NULLS LAST, source, place), {_COLUMNS} "
        "FROM (SELECT * FROM others UNION ALL SELECT * FROM incoming)"
    )
    connection.execute("DROP TABLE others")


def _index(connection: sqlite3.Connection) -> None:
    connection.create_function("facet_words", 4, facets.words, deterministic=True)
    connection.execute("INSERT INTO catalog_search(catalog_search) VALUES ('delete-all')")
    connection.execute(
        "INSERT INTO catalog_search(rowid, name, hub_id, tasks, license, architecture) "
        "SELECT id, name, hub_id, tasks || ' ' || finetune_tasks || ' ' || "
        "facet_words(source, tasks, finetune_tasks, license), license, architecture "
        "FROM catalog_model ORDER BY id"
    )
