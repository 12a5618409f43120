"""Write a bundle: the manifest, then each file once, hashed again while it is read."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import IO

from registry.bundle.manifest import MANIFEST, collect, opened
from registry.database import Database, storage_errors
from registry.errors import BadInputError, ConflictError
from registry.store import Report
from registry.views import ImportProgress, ModelInfo


def export(db: Database, runs: Path, models: list[ModelInfo], to: Path, report: Report) -> int:
    """Write models, what they were made of, and their runs to a bundle. Returns its bytes.

    Raises:
        ConflictError: `to` exists.
        BadInputError: a model's file is missing, or not what was registered.
        StorageError: it can't be written; nothing of it is left then.
    """
    if to.exists():
        raise ConflictError(f"{to} exists", hint="Remove it, or choose another name with --to.")
    temp = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with (
            storage_errors(to),
            tempfile.TemporaryDirectory() as scratch,
            temp.open("xb") as raw,
        ):
            manifest, sources = collect(db.read(), runs, models, Path(scratch))
            text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
            total, done = sum(size for _, size in sources.values()), 0
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.addfile(_member(MANIFEST, len(text)), BytesIO(text))
                for sha256, (path, size) in sorted(sources.items()):
                    report(ImportProgress("writing", path.name, done, total))
                    with opened(path) as file:
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


def _changed(path: Path) -> BadInputError:
    return BadInputError(
        "is not what was registered",
        file=str(path),
        hint="`fmtui model verify` tells which files changed. No bundle was written.",
    )
