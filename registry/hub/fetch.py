"""Bring a file into the cache, whole and right, or not at all."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import BadInputError, NotFoundError, RemoteError
from registry.hub.cache import point, repo_folder
from registry.hub.errors import hub_errors
from registry.hub.patience import patiently
from registry.hub.views import HubFile, Listing
from registry.progress import Meter

_CHUNK = 1 << 20


def fetch(listing: Listing, name: str, advance: Meter) -> tuple[Path, str]:
    """Bring one file into the cache and hold it against the hash that the hub lists.

    It gets its name in the cache when it is whole and right, not before; what came of it is kept
    for the next try. A file that was damaged on the way (or long ago, in the cache) is fetched
    once more.

    Args:
        advance: Gets the number of bytes of each step, negative when a step is taken back.

    Returns:
        The file's place in the cache, and its SHA-256.

    Raises:
        NotFoundError: the file is not there.
        RemoteError: it did not come, or came damaged; the damaged file is removed.
        BadInputError: offline, the file in the cache is damaged; it is removed.
        StorageError: the disk is full.
    """
    file, folder = listing.file(name), repo_folder(listing.repo)
    pointer = folder / "snapshots" / listing.commit / name
    with hub_errors(listing.repo, listing.commit), _quiet():
        if pointer.is_file():
            digest = _digest(pointer, file)
            if digest is not None:
                return pointer, digest
            blob = pointer.resolve()
            pointer.unlink(missing_ok=True)
            if blob.parent == (folder / "blobs").resolve():  # a link of somebody's own leads on
                blob.unlink(missing_ok=True)
            if listing.cached:
                raise BadInputError(
                    f"{name} of hf:{listing.repo} is damaged in the hub's cache",
                    hint="It was removed; import again without HF_HUB_OFFLINE.",
                )
        if listing.cached:
            raise NotFoundError(f"hf:{listing.repo} lacks {name} in the hub's cache")
        return _bring(listing, file, pointer, advance)


def _bring(listing: Listing, file: HubFile, pointer: Path, advance: Meter) -> tuple[Path, str]:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(listing.repo, file.name, revision=listing.commit)
    blob_name, size = file.sha256 or file.blob_id, file.size
    blobs = repo_folder(listing.repo) / "blobs"
    blob = blobs / (blob_name or "unknown")
    if not (blob_name and blob.is_file() and _digest(blob, file)):
        told = patiently(lambda: get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT))
        size = told.size if size is None else size
        if blob_name is None:
            if not told.etag or not re.fullmatch(r"[\w.-]{8,128}", told.etag):
                raise RemoteError(f"the hub tells no hash of {file.name}")
            blob = blobs / told.etag
        if size is None:
            raise RemoteError(f"the hub tells no size of {file.name}")
        _download(url, build_hf_headers(), file, size, blob, listing, advance)
    digest = _digest(blob, file)
    if digest is None:
        raise _damaged(listing, file)
    point(pointer, blob)
    return pointer, digest


def _download(
    url: str,
    headers: dict[str, str],
    file: HubFile,
    size: int,
    blob: Path,
    listing: Listing,
    advance: Meter,
) -> None:
    """Fetch what is missing; what is wrong is thrown away and fetched once more."""
    from huggingface_hub import constants

    from registry.hub.download import Fetch, WrongLengthError
    from registry.hub.partial import Partial

    for _ in range(2):
        partial = Partial(blob, size)
        try:
            if blob.is_file() and _digest(blob, file):
                partial.drop()
                return  # another process brought it while this one waited
            Fetch(url, headers, partial, constants.HF_HUB_DOWNLOAD_TIMEOUT).run(advance)
            if _digest(partial.path, file):
                partial.finish(blob)
                return
            partial.drop()
            advance(-size, had=True)
        except WrongLengthError:
            partial.drop()
            advance(-sum(partial.done), had=True)
        finally:
            partial.close()
    raise _damaged(listing, file)


def _damaged(listing: Listing, file: HubFile) -> RemoteError:
    return RemoteError(
        f"{file.name} of hf:{listing.repo} arrived damaged: it is not what the hub lists",
        hint="It was removed; import again, from another mirror if this goes on.",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's warnings off the terminal: what matters comes as an error."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _digest(path: Path, file: HubFile) -> str | None:
    """The file's SHA-256, or None when the file is not the one that was listed."""
    size = path.stat().st_size
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            sha256.update(chunk)
            if file.sha256 is None:
                blob.update(chunk)
    if file.sha256 is not None:
        same = sha256.hexdigest() == file.sha256
    else:
        same = file.blob_id is None or blob.hexdigest() == file.blob_id
    return sha256.hexdigest() if same else None
