"""Read a bundle, with no trust in it: every member is unpacked under the hash that it must have."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from pathlib import Path
from typing import Any

from registry.bundle.manifest import MANIFEST, Manifest, check, opened
from registry.bundle.register import Imported, register
from registry.database import Database
from registry.errors import BadInputError
from registry.store import Incoming, Report, incoming
from registry.untrusted import parse_json
from registry.views import ImportProgress

_MOST_MANIFEST = 64 << 20
_CHUNK = 1 << 20
_BROKEN = (
    tarfile.TarError, EOFError, ValueError, RecursionError, OverflowError, MemoryError
)  # fmt: skip
"""What a tar file can bring about; a header may ask for more memory than there is."""
_MEMBER = re.compile(r"files/([0-9a-f]{64})")


def load(
    db: Database, models: Path, runs: Path, bundle: Path, report: Report, *, trust: bool = False
) -> Imported:
    """Register what a bundle holds; what is here already is recognised.

    Args:
        trust: Whether models may bring code of their own, which runs on use. That somebody
            trusted it where the bundle was written counts for nothing here.

    Raises:
        BadInputError: it is no bundle, holds what no bundle may hold, or lies about a file.
            Nothing was registered then.
        StorageError: there is no room.
    """
    size = bundle.stat().st_size if bundle.is_file() else 0
    try:
        with opened(bundle) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
            manifest = check(_manifest(tar, bundle), str(bundle))
            with incoming(models, size) as held:
                _unpack(tar, manifest, held, bundle, report)
                return register(db, models, runs, manifest, held, trust=trust)
    except _BROKEN as error:
        raise _refused(bundle, f"is no bundle, or a broken one: {error}") from error


def _manifest(tar: tarfile.TarFile, bundle: Path) -> Any:
    member = tar.next()
    if member is None or member.name != MANIFEST or not _plain(member):
        raise _refused(bundle, f"is no bundle: {MANIFEST} does not come first")
    if member.size > _MOST_MANIFEST:
        raise _refused(bundle, "has too large a manifest")
    file = tar.extractfile(member)
    assert file is not None
    return parse_json(file.read())


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
