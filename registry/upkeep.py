"""What happens to a version after it was registered: it is verified, and one day removed."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from registry.database import Database, now, storage_errors
from registry.errors import BadInputError, ConflictError
from registry.queries import model_files
from registry.store import INCOMING, Report, drop_empty, hash_file, make_incoming
from registry.views import ImportProgress, ModelInfo, VerifyReport

_ALIVE = ("queued", "starting", "running", "finalizing")


def verify(db: Database, model: ModelInfo, report: Report) -> VerifyReport:
    """Hash a version's files; a version that is whole is marked so, another is unmarked."""
    files = model_files(db.read(), model.id)
    total, done = sum(file.size for file in files), 0
    missing, changed = [], []
    for file in files:
        path = Path(model.path) / file.path
        report(ImportProgress("checking", file.path, done, total))
        try:
            if path.stat().st_size != file.size or hash_file(path) != file.sha256:
                changed.append(file.path)
        except FileNotFoundError:
            missing.append(file.path)
        except OSError as error:
            raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
        done += file.size
    report(ImportProgress("checking", "", done, total))
    result = VerifyReport(model.ref, tuple(missing), tuple(changed))
    with db.write() as connection:
        connection.execute(
            "UPDATE model_version SET verified = ? WHERE id = ?",
            (now() if result.ok else None, model.id),
        )
    return result


def remove(db: Database, models: Path, model: ModelInfo) -> None:
    """Remove a version's rows and files.

    Raises:
        ConflictError: it is deployed, a run is at work on it, or other versions came from it.
    """
    folder = Path(model.path)
    trash: Path | None = None
    try:
        with storage_errors(models), db.write() as connection:
            _refuse_if_needed(connection, model)
            for column in ("model_version_id", "output_version_id"):
                connection.execute(
                    f"UPDATE run SET {column} = NULL WHERE {column} = ?", (model.id,)
                )
            connection.execute("DELETE FROM model_version WHERE id = ?", (model.id,))
            connection.execute(
                "DELETE FROM model WHERE name = ? "
                "AND id NOT IN (SELECT model_id FROM model_version)",
                (model.name,),
            )
            if folder.is_dir():
                trash = make_incoming(models / INCOMING) / "removed"
                folder.rename(trash)
    except BaseException:
        if trash is not None and trash.exists():
            trash.rename(folder)
        raise
    if trash is not None:
        shutil.rmtree(trash.parent, ignore_errors=True)
        drop_empty(trash.parent.parent)
    drop_empty(folder.parent)


def _refuse_if_needed(connection: sqlite3.Connection, model: ModelInfo) -> None:
    deployed = connection.execute(
        "SELECT e.name || '/' || d.name FROM deployment d JOIN endpoint e ON e.id = d.endpoint_id "
        "WHERE d.model_version_id = ?",
        (model.id,),
    ).fetchone()
    if deployed:
        raise ConflictError(
            f"{model.ref} is deployed on {deployed[0]}",
            hint=f"Delete the endpoint first: fmtui endpoint delete {deployed[0].split('/')[0]}",
        )
    busy = connection.execute(
        f"SELECT id FROM run WHERE model_version_id = ? AND state IN {_ALIVE}", (model.id,)
    ).fetchone()
    if busy:
        raise ConflictError(
            f"run r{busy[0]} is at work on {model.ref}",
            hint=f"Wait for it, or cancel it: fmtui run cancel r{busy[0]}",
        )
    child = connection.execute(
        "SELECT m.name || ':' || v.version FROM model_version v JOIN model m ON m.id = v.model_id "
        "WHERE v.parent_id = ?",
        (model.id,),
    ).fetchone()
    if child:
        raise ConflictError(
            f"{child[0]} was made from {model.ref}",
            hint=f"Remove it first: fmtui model remove {child[0]}",
        )
