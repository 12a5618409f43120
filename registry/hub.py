"""Models on a hub: what it lists, fetching into the hub's own cache, checking what came.

`huggingface_hub` is imported inside the functions: it is slow, and it reads HF_ENDPOINT,
HF_TOKEN, HF_HOME and HF_HUB_OFFLINE when it is imported. The cache keeps the library's layout
(`models--ORG--NAME/{blobs,refs,snapshots}`), so that other tools share it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import BadInputError, NotFoundError, RemoteError
from registry.hub_errors import hub_errors
from registry.progress import Meter

_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BUSY = (429, 500, 502, 503, 504)
_WAITS = (0.5, 1.5)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file at the top of a repository. A large one has a `sha256`, a small one a git blob id."""

    name: str
    size: int | None
    sha256: str | None
    blob_id: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit. `cached` tells that the hub itself was not asked."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]
    cached: bool = False
    license: str | None = None
    gated: bool = False
    task: str | None = None

    def names(self) -> list[str]:
        return [file.name for file in self.files]

    def file(self, name: str) -> HubFile:
        return next(file for file in self.files if file.name == name)


def look_up(repo: str, revision: str | None, *, cached: bool = False) -> Listing:
    """Resolve a revision to a commit and list its files; from the cache when offline.

    With `cached` the cache is asked alone, whatever the network.

    Raises:
        BadInputError: the revision can't be one.
        NotFoundError: no such repository or revision; or offline, and it was never fetched.
        RemoteError: the hub can't be reached, or says no.
    """
    revision = revision or "main"
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise BadInputError(f"`{revision}` can't be a revision")
    from huggingface_hub import constants

    if cached or constants.is_offline_mode():
        return _from_cache(repo, revision)
    with hub_errors(repo, revision):
        listing = _ask(repo, revision)
    if revision != listing.commit:
        _remember(repo, revision, listing.commit)
    return listing


def _ask(repo: str, revision: str) -> Listing:
    from huggingface_hub import HfApi, constants

    api, seconds = HfApi(), constants.HF_HUB_ETAG_TIMEOUT
    info = _patiently(
        lambda: api.model_info(repo, revision=revision, files_metadata=True, timeout=seconds)
    )
    if not info.sha or not _COMMIT.fullmatch(info.sha):
        raise RemoteError(f"the hub names no commit for {repo}")
    siblings = info.siblings or []
    if all(file.blob_id or file.lfs for file in siblings):
        files = [
            _file(f.rfilename, f.size, f.lfs.sha256 if f.lfs else None, f.blob_id) for f in siblings
        ]
    else:  # a mirror that lists names alone: its tree has the hashes
        files = _tree(api.endpoint, repo, info.sha)
    card = info.card_data or {}
    license = card.get("license")
    return Listing(
        repo,
        info.sha,
        tuple(f for f in files if _plain(f.name)),
        license=license.lower() if isinstance(license, str) else None,
        gated=bool(info.gated),
        task=info.pipeline_tag,
    )


def _plain(name: str) -> bool:
    """Whether a name is one at the top of a folder: no path, nothing that a terminal obeys."""
    return name.isprintable() and not name.startswith(".") and not set(name) & set("/\\:")


def _file(name: str, size: int | None, sha256: str | None, blob_id: str | None) -> HubFile:
    """What the hub tells of a file. Its hashes name files in the cache, so they are held to it.

    Raises:
        RemoteError: a hash is none.
    """
    for value, length in ((sha256, 64), (blob_id, 40)):
        if value is not None and not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
            raise RemoteError("the hub tells a hash that is none", hint="Is HF_ENDPOINT right?")
    return HubFile(str(name), size, sha256, blob_id)


def _tree(endpoint: str, repo: str, commit: str) -> list[HubFile]:
    """The tree at the top of a repository. The library's own call would wait without end."""
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    seconds = constants.HF_HUB_ETAG_TIMEOUT
    url: str | None = f"{endpoint}/api/models/{repo}/tree/{commit}"
    files = []
    while url:
        response = get_session().get(url, headers=build_hf_headers(), timeout=seconds)
        hf_raise_for_status(response)
        for entry in response.json():
            if entry["type"] == "file":
                lfs = entry.get("lfs") or {}
                files.append(_file(entry["path"], entry["size"], lfs.get("oid"), entry.get("oid")))
        url = response.links.get("next", {}).get("url")
    return files


def _patiently(call: Callable[[], Any]) -> Any:
    """Ask again when the hub is busy; a hub that can't be reached is asked once."""
    from huggingface_hub.errors import HfHubHTTPError

    for wait in _WAITS:
        try:
            return call()
        except HfHubHTTPError as error:
            if error.response is None or error.response.status_code not in _BUSY:
                raise
            time.sleep(wait)
    return call()


def repo_folder(repo: str) -> Path:
    """Where the cache keeps a repository."""
    return cache_folder() / ("models--" + repo.replace("/", "--"))


def cache_folder() -> Path:
    """The hub's cache, which other tools share."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def _remember(repo: str, revision: str, commit: str) -> None:
    """Write the cache's reference, so that the revision can be found offline."""
    path = repo_folder(repo) / "refs" / revision
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = path.with_name(path.name + ".new")
        temp.write_text(commit)
        temp.replace(path)
    except OSError:
        pass  # a cache that is read-only still serves what it holds


def _from_cache(repo: str, revision: str) -> Listing:
    folder = repo_folder(repo)
    try:
        is_commit = _COMMIT.fullmatch(revision)
        commit = revision if is_commit else (folder / "refs" / revision).read_text().strip()
        paths = [path for path in (folder / "snapshots" / commit).iterdir() if path.is_file()]
    except OSError:
        paths = []
    if not paths:
        raise NotFoundError(
            f"hf:{repo} was never fetched at {revision}, and HF_HUB_OFFLINE keeps the hub away",
            hint="Import it once without HF_HUB_OFFLINE, or import a folder.",
        )
    files = []
    for path in paths:
        blob = path.resolve().name  # the cache names a blob by its sha256 or git id
        files.append(
            HubFile(
                path.name,
                path.stat().st_size,
                blob if re.fullmatch(r"[0-9a-f]{64}", blob) else None,
                blob if _COMMIT.fullmatch(blob) else None,
            )
        )
    return Listing(repo, commit, tuple(files), cached=True)


def is_cached(listing: Listing, name: str) -> bool:
    """Whether the cache holds a file of this commit; its content is not checked."""
    file, folder = listing.file(name), repo_folder(listing.repo)
    blob = folder / "blobs" / (file.sha256 or file.blob_id or "unknown")
    return (folder / "snapshots" / listing.commit / name).is_file() or blob.is_file()


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
            pointer.resolve().unlink(missing_ok=True)
            pointer.unlink(missing_ok=True)
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
        told = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
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
    _point(pointer, blob)
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

    from registry.download import Fetch, WrongLengthError
    from registry.partial import Partial

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


def _point(pointer: Path, blob: Path) -> None:
    """The cache's own link from a commit's file name to the content."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temp = pointer.with_name(pointer.name + ".new")
    temp.unlink(missing_ok=True)
    try:
        temp.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:  # a file system without such links
        os.link(blob, temp)
    temp.replace(pointer)


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
