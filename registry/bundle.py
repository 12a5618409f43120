"""A bundle: models with their lineage, runs and facts of their data, in one tar file.

`manifest.json` comes first and names every other member; those are `files/SHA256`, each once, so
the same bytes are never in it twice. Nothing in it tells when or by whom it was written: the same
models make the same bytes. What is read is checked in full before anything of it is registered.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from registry.bundle_manifest import Manifest, check, collect
from registry.database import Database, now, storage_errors
from registry.errors import BadInputError, ConflictError
from registry.store import Incoming, incoming
from registry.views import ImportProgress, ModelInfo

Report = Callable[[ImportProgress], None]

MANIFEST = "manifest.json"
_MOST_MANIFEST = 64 << 20
_CHUNK = 1 << 20
_MEMBER = re.compile(r"files/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Imported:
    """The ids of a bundle's models here, those that were new, and how many runs were."""

    ids: tuple[int, ...]
    new: tuple[int, ...]
    runs: int


def export(db: Database, runs: Path, models: list[ModelInfo], to: Path, report: Report) -> int:
    """Write models, what they were made of, and their runs to a bundle. Returns its bytes.

    Raises:
        ConflictError: `to` exists.
        BadInputError: a model's file is missing, or not what was registered.
        StorageError: it can't be written; nothing of it is left then.
    """
    if to.exists():
        raise ConflictError(f"{to} exists", hint="Remove it, or choose another name with --to.")
    manifest, sources = collect(db.read(), runs, models)
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
    total, done = sum(size for _, size in sources.values()), 0
    temp = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with storage_errors(to), temp.open("xb") as raw:
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
                from io import BytesIO

                tar.addfile(_member(MANIFEST, len(text)), BytesIO(text))
                for sha256, (path, size) in sorted(sources.items()):
                    report(ImportProgress("writing", path.name, done, total))
                    with _opened(path) as file:
                        hashed = _Hashed(file)
                        try:
                            tar.addfile(_member(f"files/{sha256}", size), hashed)  # type: ignore[arg-type]
                        except OSError as error:
                            if error.errno is not None:
                                raise
                            raise _changed(path) from error  # it ended early
                        if hashed.digest.hexdigest() != sha256 or file.read(1):
                            raise _changed(path)
                    done += size
            raw.flush()
            os.fsync(raw.fileno())
        temp.replace(to)
    finally:
        temp.unlink(missing_ok=True)
    report(ImportProgress("writing", "", total, total))
    return to.stat().st_size


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A header that says nothing but name and size: no time, no owner."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    with file:
        yield file


def _changed(path: Path) -> BadInputError:
    return BadInputError(
        "is not what was registered",
        file=str(path),
        hint="`fmtui model verify` tells which files changed. No bundle was written.",
    )


def load(db: Database, models: Path, runs: Path, bundle: Path, report: Report) -> Imported:
    """Register what a bundle holds; what is here already is recognised.

    Raises:
        BadInputError: it is no bundle, holds what no bundle may hold, or lies about a file.
            Nothing was registered then.
        StorageError: there is no room.
    """
    size = bundle.stat().st_size if bundle.is_file() else 0
    try:
        with _opened(bundle) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
            manifest = check(_manifest(tar, bundle), str(bundle))
            with incoming(models, size) as held:
                _unpack(tar, manifest, held, bundle, report)
                return _register(db, models, runs, manifest, held)
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        raise _refused(bundle, f"is no bundle, or a broken one: {error}") from error


def _manifest(tar: tarfile.TarFile, bundle: Path) -> Any:
    member = tar.next()
    if member is None or member.name != MANIFEST or not _plain(member):
        raise _refused(bundle, f"is no bundle: {MANIFEST} does not come first")
    if member.size > _MOST_MANIFEST:
        raise _refused(bundle, "has too large a manifest")
    file = tar.extractfile(member)
    assert file is not None
    return json.loads(file.read())


def _plain(member: tarfile.TarInfo) -> bool:
    """A regular file that is nothing else besides; large ones need a header for their size."""
    return (
        member.type == tarfile.REGTYPE
        and not member.issparse()
        and set(member.pax_headers) <= {"size"}
    )


def _unpack(
    tar: tarfile.TarFile, manifest: Manifest, held: Incoming, bundle: Path, report: Report
) -> None:
    """Write every member under its hash, which it must have. Links, paths and strangers end it."""
    expected, done = dict(manifest.files), 0
    total = sum(expected.values())
    while member := tar.next():
        match = _MEMBER.fullmatch(member.name)
        if not match or not _plain(member):
            raise _refused(bundle, f"holds what no bundle may hold: {member.name!r}")
        sha256 = match[1]
        if expected.pop(sha256, None) != member.size:
            raise _refused(bundle, f"{member.name} is not what the manifest says, or comes twice")
        report(ImportProgress("checking", sha256[:12], done, total))
        file = tar.extractfile(member)
        assert file is not None
        digest = hashlib.sha256()
        with (held.folder / sha256).open("xb") as out:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != sha256:
            raise _refused(bundle, f"{member.name} was damaged on its way")
        done += member.size
    if expected:
        raise _refused(bundle, f"{len(expected)} of its files are missing")
    report(ImportProgress("checking", "", total, total))


def _refused(bundle: Path, message: str) -> BadInputError:
    return BadInputError(
        message, file=str(bundle), hint="Nothing was registered. Write the bundle anew."
    )


def _register(
    db: Database, models: Path, runs: Path, manifest: Manifest, held: Incoming
) -> Imported:
    """All rows in one transaction; the folders that were made go when it fails."""
    made: list[Path] = []
    ids: dict[str, int] = {}
    new: list[int] = []
    fresh = 0
    try:
        with storage_errors(models), db.write() as connection:
            for model in manifest.models:
                known = _known(connection, model)
                if known is None:
                    known = _add(connection, models, model, ids, held, made)
                    new.append(known)
                ids[model["ref"]] = known
            for run in manifest.runs:
                fresh += _add_run(connection, runs, run, ids, held, made)
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(tuple(ids.values()), tuple(new), fresh)


def _known(connection: sqlite3.Connection, model: dict[str, Any]) -> int | None:
    """The version here of that name with the very same files."""
    wanted = {(file["path"], file["sha256"]) for file in model["files"]}
    for row in connection.execute(
        "SELECT v.id FROM model_version v JOIN model m ON m.id = v.model_id WHERE m.name = ?",
        (model["name"],),
    ).fetchall():
        files = connection.execute(
            "SELECT path, sha256 FROM model_file WHERE model_version_id = ?", (row[0],)
        )
        if {tuple(file) for file in files} == wanted:
            return int(row[0])
    return None


def _add(
    connection: sqlite3.Connection,
    models: Path,
    model: dict[str, Any],
    ids: dict[str, int],
    held: Incoming,
    made: list[Path],
) -> int:
    name, time = model["name"], now()
    connection.execute("INSERT OR IGNORE INTO model (name, created) VALUES (?, ?)", (name, time))
    (parent,) = connection.execute("SELECT id FROM model WHERE name = ?", (name,)).fetchone()
    taken = {
        row[0]
        for row in connection.execute(
            "SELECT version FROM model_version WHERE model_id = ?", (parent,)
        )
    }
    version = model["version"] if model["version"] not in taken else max(taken) + 1
    folder = models / name / str(version)
    shutil.rmtree(folder, ignore_errors=True)  # no row names it: it belongs to nobody
    folder.mkdir(parents=True)
    made.append(folder)
    for file in model["files"]:
        os.link(held.folder / file["sha256"], folder / file["path"])
    facts = (
        "origin", "revision", "task", "architecture", "model_type", "parameters", "size_bytes",
        "license", "created", "note",
    )  # fmt: skip
    id = connection.execute(
        f"INSERT INTO model_version (model_id, version, path, labels, parent_id, verified, "
        f"{', '.join(facts)}) VALUES (?, ?, ?, ?, ?, ?{', ?' * len(facts)})",
        (
            parent,
            version,
            str(folder),
            json.dumps(model["labels"]),
            ids.get(model["parent"] or ""),
            time,
            *(model[fact] for fact in facts),
        ),
    ).lastrowid
    assert id is not None
    connection.executemany(
        "INSERT INTO model_file (model_version_id, path, size, sha256) VALUES (?, ?, ?, ?)",
        ((id, file["path"], file["size"], file["sha256"]) for file in model["files"]),
    )
    connection.executemany(
        "INSERT INTO model_tag VALUES (?, ?)", ((id, tag) for tag in model["tags"])
    )
    return id


def _add_run(
    connection: sqlite3.Connection,
    runs: Path,
    run: dict[str, Any],
    ids: dict[str, int],
    held: Incoming,
    made: list[Path],
) -> int:
    """Register a run as a new one unless it is here: then as 0 new ones."""
    same = "SELECT 1 FROM run WHERE kind = ? AND created = ? AND model IS ? AND data IS ?"
    words = (run["kind"], run["created"], run["model"], run["data"])
    if connection.execute(same, words).fetchone():
        return 0
    (number,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM run").fetchone()
    while True:
        folder = runs / f"r{number}"
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
    made.append(folder)
    for file in run["files"]:
        shutil.copyfile(held.folder / file["sha256"], folder / file["path"])
    facts = ("kind", "backend", "task", "state", "name", "model", "data", "created", "started",
             "ended", "error")  # fmt: skip
    output = ids.get(run["output"] or "")
    if connection.execute("SELECT 1 FROM run WHERE output_version_id = ?", (output,)).fetchone():
        output = None
    connection.execute(
        f"INSERT INTO run (id, model_version_id, output_version_id, metrics, {', '.join(facts)}) "
        f"VALUES (?, ?, ?, ?{', ?' * len(facts)})",
        (
            number,
            ids.get(run["model"] or ""),
            output,
            json.dumps(run["metrics"]),
            *(run[fact] for fact in facts),
        ),
    )
    connection.executemany(
        "INSERT INTO metric (run_id, step, epoch, split, name, value) VALUES (?, ?, ?, ?, ?, ?)",
        ((number, *point) for point in run["points"]),
    )
    return 1
