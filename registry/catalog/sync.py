"""How a source's entries come into the catalogue: all of them at once, then ranked and indexed.

A reader sees what was there before or what is there after, and nobody waits for a sync but
another sync. Plain SQL, so that a new registry is filled without SQLModel's import.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog import index
from registry.catalog.entries import Entry, Source
from registry.catalog.file import COLUMNS, FACTS, attach, building, syncing
from registry.catalog.views import SyncResult
from registry.errors import BadInputError
from registry.references import NAME

if TYPE_CHECKING:
    from registry.database import Database

KEPT = 1000
"""Of each kind of change the names of so many models are kept, the best first; all are counted."""

_NAME = re.compile(rf"{NAME.pattern}(?:/{NAME.pattern})?")


def sync(db: Database, source: Source) -> SyncResult:
    """Replace what the catalogue holds of `source`. Nothing changes when an entry can't be read."""
    from registry.database import now, storage_errors

    db.prepare()
    with storage_errors(db.catalog):
        return replace(db.catalog, source.name, source.entries(), now())


def replace(
    path: Path, source: str, entries: Iterable[Entry], time: str, *, alone: bool = False
) -> SyncResult:
    """Write the catalogue at `path` anew, with these entries for `source`, as of `time`.

    `alone` says that the caller holds the lock (`syncing`) already.
    """
    # The lock is let go when the new file is in its place, so it outlives the building.
    with ExitStack() as lock, building(path) as connection:
        _stage(connection, source, entries, time)
        # Only now: a source that is slow must not keep other syncs waiting.
        lock.enter_context(nullcontext() if alone else syncing(path))
        connection.execute("COMMIT")
        known = attach(connection, path)
        connection.execute("BEGIN")
        result = _put(connection, source, time, known)
        if known:
            connection.execute("COMMIT")
            connection.execute("DETACH catalog")
            connection.execute("BEGIN")
        return result


def _stage(
    connection: sqlite3.Connection, source: str, entries: Iterable[Entry], time: str
) -> None:
    """The entries as the temporary table `incoming`, in the order in which they came."""
    connection.execute(f"CREATE TEMP TABLE incoming (place INTEGER PRIMARY KEY, {COLUMNS})")
    marks = ", ".join("?" * (COLUMNS.count(",") + 1))
    connection.executemany(
        f"INSERT INTO incoming ({COLUMNS}) VALUES ({marks})",
        ((source, *_row(entry), time) for entry in entries),
    )
    # The table's key: a source that names a model twice keeps the better ranked one.
    connection.execute(
        "DELETE FROM incoming WHERE place NOT IN "
        "(SELECT min(place) FROM incoming GROUP BY name COLLATE NOCASE, version)"
    )


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


def _put(connection: sqlite3.Connection, source: str, time: str, known: bool) -> SyncResult:
    others = ""
    if known:
        others = (
            f"UNION ALL SELECT id AS place, {COLUMNS} FROM catalog.catalog_model WHERE source <> ?"
        )
    connection.execute(
        f"INSERT INTO main.catalog_model (id, {COLUMNS}) SELECT row_number() OVER "
        f"(ORDER BY downloads DESC NULLS LAST, source, place), {COLUMNS} "
        f"FROM (SELECT place, {COLUMNS} FROM incoming {others})",
        (source,) if known else (),
    )
    index.build(connection)
    counts = _compare(connection, source, known)
    (total,) = connection.execute("SELECT count(*) FROM incoming").fetchone()
    connection.execute("DROP TABLE temp.incoming")
    result = SyncResult(source, *counts, total)
    connection.execute(
        "INSERT INTO main.catalog_sync VALUES (?, ?, ?, ?, ?, ?)", (source, time, *counts, total)
    )
    if known:
        for table in ("catalog_sync", "catalog_change"):
            connection.execute(
                f"INSERT INTO main.{table} SELECT * FROM catalog.{table} WHERE source <> ?",
                (source,),
            )
    return result


def _compare(connection: sqlite3.Connection, source: str, known: bool) -> tuple[int, int, int]:
    """Count the names that are new, changed and gone, and keep the best ranked of each."""
    if not known:
        (new,) = connection.execute(
            "SELECT count(DISTINCT name COLLATE NOCASE) FROM incoming"
        ).fetchone()
        return new, 0, 0
    new, gone = "name FROM incoming", "name FROM catalog.catalog_model WHERE source = :source"
    then = f"SELECT {FACTS} FROM catalog.catalog_model WHERE source = :source"
    differing = f"SELECT {FACTS} FROM incoming EXCEPT {then}"
    changes = {
        "new": f"SELECT name, version, place FROM incoming WHERE name COLLATE NOCASE NOT IN "
        f"(SELECT {gone})",
        "updated": f"SELECT name, version, 0 AS place FROM ({differing}) "
        f"WHERE name COLLATE NOCASE IN (SELECT {gone})",
        "gone": "SELECT name, version, id AS place FROM catalog.catalog_model "
        f"WHERE source = :source AND name NOT IN (SELECT {new})",
    }
    counts = []
    for change, sql in changes.items():
        connection.execute(f"CREATE TEMP TABLE changed AS {sql}", {"source": source})
        (count,) = connection.execute("SELECT count(*) FROM changed").fetchone()
        counts.append(count)
        connection.execute(
            "INSERT INTO main.catalog_change SELECT ?, ?, name, version FROM changed "
            "ORDER BY place, name LIMIT ?",
            (source, change, KEPT),
        )
        connection.execute("DROP TABLE changed")
    return counts[0], counts[1], counts[2]
