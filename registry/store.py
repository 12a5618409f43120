"""The store: `models/NAME/VERSION/`, one folder a version, written once.

Files come into a folder of their own under `models/.incoming` first, hashed while they come, and
that folder is renamed to its place in the transaction that registers it. So a version is there
with all its files and rows, or not at all. What a kill leaves behind, the next import sweeps away.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from registry.database import Database, now, storage_errors
from registry.disk_sync import sync_path
from registry.errors import BadInputError, ConflictError, StorageError
from registry.folder import Description, describe
from registry.references import check_name
from registry.room import check_room
from registry.views import ImportProgress, ModelFileInfo

Report = Callable[[ImportProgress], None]

_CHUNK = 1 << 20
INCOMING = ".incoming"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store is told about a version beyond what its files say.

    `task`, `labels` and `license` left out are taken from the files.
    """

    origin: str
    revision: str | None = None
    task: str | None = None
    labels: tuple[str, ...] = ()
    license: str | None = None
    parent_id: int | None = None
    verified: bool = False


class Incoming:
    """A folder that fills; nothing of it is left when the `with` block ends without `place`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[ModelFileInfo] = []

    def copy(self, source: Path, name: str, advance: Callable[[int], None]) -> None:
        """Copy a file and hash it in the same pass. `advance` gets the bytes of each step."""
        try:
            with source.open("rb") as read, (self.folder / name).open("xb") as write:
                digest, size = _pump(read, write, advance)
                write.flush()
                os.fsync(write.fileno())
        except OSError as error:
            raise _copy_error(error, source) from error
        self.files.append(ModelFileInfo(name, size, digest))

    def link(self, source: Path, name: str, sha256: str | None = None) -> None:
        """Take a file in by hard link; by copy where the file system has no links."""
        try:
            os.link(source.resolve(), self.folder / name)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOSPC, errno.EDQUOT):
                raise _copy_error(error, source) from error
            self.copy(source, name, lambda _: None)
            return
        sync_path(self.folder / name)
        digest = sha256 or hash_file(source)
        self.files.append(ModelFileInfo(name, source.stat().st_size, digest))

    def adopt(self, name: str) -> None:
        """Take in a file that was written here."""
        path = self.folder / name
        sync_path(path)
        self.files.append(ModelFileInfo(name, path.stat().st_size, hash_file(path)))


@contextmanager
def incoming(models: Path, needed: int) -> Iterator[Incoming]:
    """A folder to fill with `needed` bytes.

    Raises:
        StorageError: there is no room for them, or the store can't be written.
    """
    parent = models / INCOMING
    with storage_errors(models):
        models.mkdir(parents=True, exist_ok=True)
        check_room(models, needed, "FMTUI_HOME")
        _sweep(parent)
        folder = make_incoming(parent)
        folder.chmod(0o755)
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Incoming(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        drop_empty(parent)


def make_incoming(parent: Path) -> Path:
    """A new folder in `parent`, which comes and goes with what it holds."""
    while True:
        parent.mkdir(parents=True, exist_ok=True)
        try:
            return Path(tempfile.mkdtemp(dir=parent))
        except FileNotFoundError:
            continue  # another import ended just now, and took the empty parent with it


def _sweep(parent: Path) -> None:
    """Remove what killed imports left: a folder that nobody holds locked."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            # A folder younger than a minute may be between its making and its locking.
            if os.fstat(handle).st_mtime < time.time() - 60:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)


def place(
    db: Database,
    models: Path,
    held: Incoming,
    name: str,
    description: Description,
    facts: Facts,
    *,
    next_version: bool,
) -> int:
    """Register what came in as a version of `name`, and move it to its place. Returns its id.

    Raises:
        ConflictError: the name is taken and `next_version` is false.
        StorageError: it can't be written.
    """
    from sqlmodel import func, select

    from registry.tables import Model, ModelFile, ModelVersion

    target: Path | None = None
    try:
        with storage_errors(models), db.session() as session:
            model = session.exec(select(Model).where(Model.name == name)).first()
            if model is not None:
                if not next_version:
                    raise name_taken(name)
                # A run that was killed while it was settled is settled again.
                made = select(ModelVersion.id).where(
                    ModelVersion.model_id == model.id, ModelVersion.origin == facts.origin
                )
                if (known := session.exec(made).first()) is not None:
                    return known
            if model is None:
                model = Model(name=name, created=now())
                session.add(model)
                session.flush()
            latest = session.exec(
                select(func.max(ModelVersion.version)).where(ModelVersion.model_id == model.id)
            ).one()
            version = ModelVersion(
                model_id=model.id or 0,
                version=(latest or 0) + 1,
                origin=facts.origin,
                revision=facts.revision,
                path="",
                task=facts.task or description.task,
                architecture=description.architecture,
                model_type=description.model_type,
                parameters=description.parameters,
                size_bytes=sum(file.size for file in held.files),
                license=facts.license or description.license,
                labels=list(facts.labels or description.labels),
                parent_id=facts.parent_id,
                created=now(),
                verified=now() if facts.verified else None,
            )
            target = _move(held.folder, models / name / str(version.version))
            version.path = str(target)
            session.add(version)
            session.flush()
            assert version.id is not None
            for file in held.files:
                session.add(
                    ModelFile(
                        model_version_id=version.id,
                        path=file.path,
                        size=file.size,
                        sha256=file.sha256,
                    )
                )
        return version.id
    except BaseException:
        # An interrupt may come just after the commit: the row decides.
        if target is not None and not _registered(db, target):
            shutil.rmtree(target, ignore_errors=True)
            drop_empty(target.parent)
        raise


def _registered(db: Database, folder: Path) -> bool:
    row = db.read().execute("SELECT 1 FROM model_version WHERE path = ?", (str(folder),))
    return row.fetchone() is not None


def _move(folder: Path, target: Path) -> Path:
    """Rename a filled folder to its place. The registry has no row of it, or it was asked first:
    what lies there belongs to nobody."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    sync_path(folder)
    folder.rename(target)
    sync_path(target.parent)
    return target


def drop_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    try:
        folder.rmdir()
    except OSError:
        pass


def name_taken(name: str) -> ConflictError:
    return ConflictError(
        f"a model `{name}` exists",
        hint=f"Choose another name with --name, or remove it: fmtui model remove {name}",
    )


def register_folder(db: Database, models: Path, folder: Path, name: str, facts: Facts) -> int:
    """Link a folder that a run filled into the store, as the next version of `name`.

    A version of that name and origin is not registered twice: its id is returned.

    Raises:
        BadInputError: the folder holds no model.
        StorageError: it can't be written.
    """
    check_name(name, "model")
    description = describe(folder)
    with incoming(models, 0) as held:
        for file in description.files:
            held.link(folder / file, file)
        return place(db, models, held, name, description, facts, next_version=True)


def hash_file(path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return _pump(file, None, advance)[0]


def _pump(
    read: IO[bytes], write: IO[bytes] | None, advance: Callable[[int], None]
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := read.read(_CHUNK):
        digest.update(chunk)
        if write is not None:
            write.write(chunk)
        size += len(chunk)
        advance(len(chunk))
    return digest.hexdigest(), size


def _copy_error(error: OSError, source: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"the disk is full: {source.name} could not be written",
            hint="Make room, or set FMTUI_HOME to another disk. Nothing was left behind.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EIO):
        return BadInputError(f"can't be read: {error.strerror}", file=str(source))
    return StorageError(f"{source.name} could not be written: {error.strerror}")
