"""The mirror's own file, `catalog.db`: written whole beside its place, and renamed into it.

A sync of a million models takes a minute and locks nothing: who reads has the old file open until
the new one has its name, and the registry beside it is not written at all. The file is never
changed in place, so it is read without locks. What it holds can be fetched again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

FORMAT = 2
"""Stored as the file's `user_version`; a file of another format is made anew."""

FACTS = (
    "name, version, hub_id, license, tasks, finetune_tasks, parameters, size_bytes, downloads, "
    "architecture, languages, gated, skus, defaults, description"
)
"""What a source tells of a model."""

COLUMNS = f"source, {FACTS}, synced"

# `id` is the rank: 1 for the best, without gaps. The index is contentless and its rowid the rank;
# beside it are the sets of ranks (`sets`) of facets and of words that many models hold.
_SCHEMA = """
CREATE TABLE catalog_model (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    version TEXT NOT NULL,
    hub_id TEXT,
    license TEXT,
    tasks TEXT NOT NULL,
    finetune_tasks TEXT NOT NULL,
    parameters INTEGER,
    size_bytes INTEGER,
    downloads INTEGER,
    architecture TEXT,
    languages TEXT,
    gated INTEGER NOT NULL,
    skus TEXT,
    defaults TEXT,
    description TEXT,
    synced TEXT NOT NULL
);
CREATE TABLE catalog_facet (
    kind TEXT NOT NULL, value TEXT NOT NULL, models INTEGER NOT NULL, ranks BLOB NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE TABLE catalog_word (
    word TEXT NOT NULL, since INTEGER NOT NULL, ranks BLOB NOT NULL, PRIMARY KEY (word, since)
);
CREATE TABLE catalog_order (
    name TEXT PRIMARY KEY, known INTEGER NOT NULL, ranks BLOB NOT NULL
);
CREATE TABLE catalog_sync (
    source TEXT PRIMARY KEY, synced TEXT NOT NULL, new INTEGER NOT NULL, updated INTEGER NOT NULL,
    gone INTEGER NOT NULL, total INTEGER NOT NULL
);
CREATE TABLE catalog_change (
    source TEXT NOT NULL, change TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL
);
CREATE VIRTUAL TABLE catalog_search USING fts5(
    words, content='', columnsize=0, detail=none, tokenize='unicode61'
);
"""
_INDEXES = """
CREATE UNIQUE INDEX catalog_by_name ON catalog_model (name, source, version);
"""


@contextmanager
def building(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty catalogue to fill, beside `path`; it takes that place when the block ends well.

    Nothing is left of it when the block raises, and the file that was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    temp.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(temp, isolation_level=None, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            # Nobody sees the file before it is whole, so it needs neither journal nor locks.
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA cache_size=-65536")
            connection.executescript("BEGIN;\n" + _SCHEMA)
            yield connection
            connection.executescript(_INDEXES + f"PRAGMA user_version={FORMAT};")
        with temp.open("rb") as file:
            os.fsync(file.fileno())
        temp.replace(path)
    finally:
        temp.unlink(missing_ok=True)


@contextmanager
def syncing(path: Path) -> Iterator[None]:
    """One sync after the other: each keeps what the one before brought from another source."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name("catalog-lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(path)
        yield


def _sweep(path: Path) -> None:
    """Remove what killed syncs left: the file of a process that is no more."""
    for left in path.parent.glob(f".{path.name}.*"):
        pid = left.name.removeprefix(f".{path.name}.").partition(".")[0]
        if pid.isdigit() and not Path("/proc", pid).exists() and Path("/proc/self").exists():
            left.unlink(missing_ok=True)


def attach(connection: sqlite3.Connection, path: Path) -> bool:
    """Let `connection` read the catalogue. False when there is no file of this format."""
    if not path.is_file():
        return False
    try:
        connection.execute("ATTACH ? AS catalog", (path.absolute().as_uri() + "?immutable=1",))
    except sqlite3.DatabaseError:
        return False
    (version,) = connection.execute("PRAGMA catalog.user_version").fetchone()
    if version == FORMAT:
        connection.execute(f"PRAGMA catalog.mmap_size={1 << 30}")
    else:
        connection.execute("DETACH catalog")
    return bool(version == FORMAT)


def readable(path: Path) -> bool:
    """Whether there is a catalogue of this format at `path`."""
    with closing(sqlite3.connect(":memory:", uri=True)) as connection:
        return attach(connection, path)
