"""Datasets in the registry: found, listed, stored, removed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.database import Database, now, storage_errors
from registry.disk_sync import sync_path
from registry.errors import ConflictError
from registry.views import DatasetInfo

if TYPE_CHECKING:
    from sqlmodel import Session

_SELECT = """
SELECT v.*, d.name FROM dataset_version v JOIN dataset d ON d.id = v.dataset_id
"""


@dataclass(frozen=True)
class NewDataset:
    """What a version is registered with."""

    name: str
    fingerprint: str
    rows: int
    columns: list[str]
    roles: dict[str, str]
    splits: dict[str, int]
    source: str


def _info(row: sqlite3.Row) -> DatasetInfo:
    return DatasetInfo(
        id=row["id"],
        ref=f"{row['name']}:{row['version']}",
        name=row["name"],
        version=row["version"],
        path=row["path"],
        fingerprint=row["fingerprint"],
        rows=row["rows"],
        columns=tuple(json.loads(row["columns"] or "[]")),
        roles=json.loads(row["roles"] or "{}"),
        splits=json.loads(row["splits"] or "{}"),
        size_bytes=row["size_bytes"],
        source=row["source"],
        created=row["created"],
    )


def all_versions(db: Database) -> list[DatasetInfo]:
    """Every version, newest first."""
    rows = db.read().execute(_SELECT + "ORDER BY v.created DESC, v.id DESC")
    return [_info(row) for row in rows]


def versions(db: Database, name: str) -> list[DatasetInfo]:
    """The versions of a name, oldest first; none when the name is free."""
    rows = db.read().execute(_SELECT + "WHERE d.name = ? ORDER BY v.version", (name,))
    return [_info(row) for row in rows]


def find(db: Database, ref: str) -> DatasetInfo | None:
    """The version that `NAME[:VERSION]` names, the latest where it names none."""
    name, _, version = ref.partition(":")
    found = versions(db, name)
    if version:
        found = [info for info in found if str(info.version) == version]
    return found[-1] if found else None


def store(
    db: Database, root: Path, new: NewDataset, files: Mapping[str, Path | bytes], *, main: str
) -> DatasetInfo:
    """Put files under `root` and register them: both happen, or neither.

    Args:
        root: The folder that holds all data; the version lies in NAME/VERSION/.
        files: What it consists of, by path below that folder: files to copy, or contents.
        main: What the rows are read from: one of these paths, or the folder of some.
    """
    staged = _stage(root, new.name, files)
    placed: Path | None = None
    try:
        with db.session() as session:
            dataset_id, version = _next_version(session, new.name)
            placed = root / new.name / str(version)
            with storage_errors(placed):
                # No row names this folder yet: what lies there was left by a crash.
                shutil.rmtree(placed, ignore_errors=True)
                placed.parent.mkdir(parents=True, exist_ok=True)
                staged.rename(placed)
            _insert(session, dataset_id, version, placed / main, new)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        if placed is not None:
            shutil.rmtree(placed, ignore_errors=True)
            _remove_empty(placed.parent)
        raise
    info = find(db, f"{new.name}:{version}")
    assert info is not None
    return info


def _next_version(session: Session, name: str) -> tuple[int, int]:
    from sqlmodel import func, select

    from registry.tables import Dataset, DatasetVersion

    dataset = session.exec(select(Dataset).where(Dataset.name == name)).first()
    if dataset is None:
        dataset = Dataset(name=name, created=now())
        session.add(dataset)
        session.flush()
    assert dataset.id is not None
    latest = session.exec(
        select(func.max(DatasetVersion.version)).where(DatasetVersion.dataset_id == dataset.id)
    ).one()
    return dataset.id, (latest or 0) + 1


def _insert(session: Session, dataset_id: int, version: int, copy: Path, new: NewDataset) -> None:
    from registry.tables import DatasetVersion

    session.add(
        DatasetVersion(
            dataset_id=dataset_id,
            version=version,
            path=str(copy),
            fingerprint=new.fingerprint,
            rows=new.rows,
            columns=new.columns,
            roles=new.roles,
            splits=new.splits,
            size_bytes=_size(copy),
            source=new.source,
            created=now(),
        )
    )


def _stage(root: Path, name: str, files: Mapping[str, Path | bytes]) -> Path:
    """Copy into a folder of its own, synced; outside the transaction, since it may take long."""
    staged = root / f".{name}.{uuid.uuid4().hex}.part"
    with storage_errors(root):
        try:
            staged.mkdir(parents=True)
            for path, content in files.items():
                target = staged / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, bytes):
                    target.write_bytes(content)
                else:
                    shutil.copyfile(content, target)
                sync_path(target)
            for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
                sync_path(folder)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    return staged


def _size(path: Path) -> int:
    """The bytes of a file, or of all in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def remove(db: Database, info: DatasetInfo) -> None:
    """Delete the rows of a version. Raises ConflictError while a run names it."""
    with db.write() as connection:
        used = connection.execute(
            "SELECT id FROM run WHERE dataset_version_id = ? LIMIT 1", (info.id,)
        ).fetchone()
        if used:
            raise ConflictError(
                f"run r{used['id']} was made with {info.ref}",
                hint=f"Remove the run first: `fmtui run remove r{used['id']}`.",
            )
        connection.execute("DELETE FROM dataset_version WHERE id = ?", (info.id,))
        connection.execute(
            "DELETE FROM dataset WHERE name = ? AND NOT EXISTS "
            "(SELECT 1 FROM dataset_version v WHERE v.dataset_id = dataset.id)",
            (info.name,),
        )
    _remove_empty(Path(info.path).parent.parent)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass
