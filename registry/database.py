"""The one SQLite file: how it is made, opened, migrated, read and written.

A new file is made from `schema.sql` (the dump of what the migrations build, held equal by a
test), so that Alembic is imported only when the stored revision is behind. Reads use sqlite3
itself: SQLModel costs a third of a second to import, which the first frame may not wait for.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.errors import BadInputError, StorageError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

HEAD = "0004"
"""The revision that this code expects; a test holds it equal to Alembic's head."""

_SCHEMA = Path(__file__).with_name("schema.sql")
_BUSY_MS = 15_000
_NETWORK_FILESYSTEMS = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "fuse.sshfs",
        "lustre",
        "beegfs",
        "gpfs",
        "ceph",
        "fuse.ceph",
        "afs",
        "9p",
        "virtiofs",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.juicefs",
    ]
)


def now() -> str:
    """The time as the registry writes it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def filesystem_of(path: Path) -> str:
    """The type of the file system that holds `path`, '' where it can't be told."""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    where = str(path.absolute())
    for line in mounts:
        _, point, fstype, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fstype
    return kind


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"can't write to {path}: {error.strerror or error}",
            hint="Make room or give rights, or set FMTUI_HOME to another folder.",
        ) from error
    except sqlite3.Error as error:
        raise StorageError(
            f"the registry {path} can't be used: {error}",
            hint="Check the disk's free space and rights; `fmtui doctor` tells more.",
        ) from error


class Database:
    """The registry's file. Cheap to make; `prepare` creates or migrates it once a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalog = path.with_name("catalog.db")
        self._local = threading.local()
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._ready = False

    def on_network(self) -> bool:
        """Whether the file lies where SQLite's write-ahead log is not safe."""
        return filesystem_of(self.path.parent) in _NETWORK_FILESYSTEMS

    def prepare(self) -> None:
        """Make the file, or bring it to this code's revision. Raises StorageError."""
        if self._ready:
            return
        with self._lock, storage_errors(self.path):
            if self._ready:
                return
            if not self.path.exists():
                self._create()
            revision = self._revision()
            if revision != HEAD:
                self._migrate(revision)
            if not self.catalog.exists():
                self._fill_catalog()
            self._ready = True

    def read(self) -> sqlite3.Connection:
        """This thread's connection for plain SQL; rows answer by name."""
        self.prepare()
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with storage_errors(self.path):
                connection = self._connect(self.path)
            self._local.connection = connection
            self._local.catalog = None
        self._see_catalog(connection)
        return connection

    def _see_catalog(self, connection: sqlite3.Connection) -> None:
        """Let the connection read the catalogue's newest file: a sync puts another in its place."""
        from registry.catalog.file import attach

        if connection.in_transaction:
            return
        for _ in range(2):
            try:
                stat = self.catalog.stat()
            except FileNotFoundError:
                self._fill_catalog()
                continue
            newest = (stat.st_ino, stat.st_mtime_ns)
            if self._local.catalog == newest:
                return
            with storage_errors(self.catalog):
                if self._local.catalog is not None:
                    try:
                        connection.execute("DETACH catalog")
                    except sqlite3.OperationalError:
                        return  # rows of the file before are being read: the next time, then
                    self._local.catalog = None
                if attach(connection, self.catalog):
                    self._local.catalog = newest
                    return
            self._fill_catalog()

    def _fill_catalog(self) -> None:
        """Write the bundled catalogue: there is none, or one that this code can't read."""
        from registry.catalog.bundled import fill

        with storage_errors(self.catalog):
            fill(self.catalog, now())

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One immediate transaction in plain SQL: all of it is written or none."""
        connection = self.read()
        with storage_errors(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back by itself
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction in SQLModel's terms: commits at the end, rolls back on an error."""
        from sqlalchemy.exc import OperationalError
        from sqlmodel import Session

        self.prepare()
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as error:
            raise StorageError(
                f"the registry {self.path} can't be written: {error.orig}",
                hint="Check the disk's free space and rights; `fmtui doctor` tells more.",
            ) from error

    def close(self) -> None:
        """Close this thread's connection and the engine's pool."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, uri=True)
        connection.row_factory = sqlite3.Row
        _pragmas(connection)
        return connection

    def _make_engine(self) -> Engine:
        from sqlalchemy import create_engine, event

        engine = create_engine(f"sqlite:///{self.path}")

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            # The driver must not begin by itself, or "BEGIN IMMEDIATE" below comes too late.
            connection.isolation_level = None
            _pragmas(connection)

        @event.listens_for(engine, "begin")
        def _on_begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _create(self) -> None:
        """Build the file beside its place and link it in: whoever comes second uses the first's."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temp = self.path.with_name(f".{self.path.name}.{os.getpid()}.{threading.get_ident()}")
        temp.unlink(missing_ok=True)
        try:
            connection = sqlite3.connect(temp, isolation_level=None)
            if not self.on_network():
                connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript("BEGIN;\n" + _SCHEMA.read_text(encoding="utf-8"))
            connection.execute("COMMIT")
            connection.close()
            with temp.open("rb") as file:
                os.fsync(file.fileno())
            try:
                os.link(temp, self.path)
            except FileExistsError:
                pass
            except OSError:  # a file system without hard links
                if not self.path.exists():
                    temp.replace(self.path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                temp.with_name(temp.name + suffix).unlink(missing_ok=True)

    def _revision(self) -> str:
        try:
            with closing(self._connect(self.path)) as connection:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise  # locked, or the disk: the file itself may be fine
            raise self._foreign(error) from error
        except sqlite3.DatabaseError as error:
            raise self._foreign(error) from error
        return str(row[0]) if row else ""

    def _foreign(self, error: sqlite3.Error) -> BadInputError:
        return BadInputError(
            f"{self.path} is no registry of fmtui: {error}",
            hint="Move it away, or set FMTUI_HOME to another folder.",
        )

    def _migrate(self, revision: str) -> None:
        from registry.migrations import upgrade

        backup = self.path.with_name(f"{self.path.name}.before-{HEAD}")
        source = sqlite3.connect(self.path)
        temp = backup.with_name(backup.name + ".part")
        temp.unlink(missing_ok=True)
        copy = sqlite3.connect(temp)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        shutil.move(temp, backup)
        if revision == "0001" and not self.catalog.exists():
            from registry.catalog.former import take_over

            take_over(self.path, self.catalog)
        upgrade(self.path, revision)


def _pragmas(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")
