"""The hub's cache, in the layout of its own client, which other tools share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from registry.errors import NotFoundError
from registry.hub.views import COMMIT, SHA256, HubFile, Listing


def repo_folder(repo: str) -> Path:
    """Where the cache keeps a repository."""
    return cache_folder() / ("models--" + repo.replace("/", "--"))


def cache_folder() -> Path:
    """The hub's cache, which other tools share."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def remember(repo: str, revision: str, commit: str) -> None:
    """Write the cache's reference, so that the revision can be found offline."""
    path = repo_folder(repo) / "refs" / revision
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = path.with_name(path.name + ".new")
        temp.write_text(commit)
        temp.replace(path)
    except OSError:
        pass  # a cache that is read-only still serves what it holds


def listing(repo: str, revision: str) -> Listing:
    """What the cache holds of a revision. Raises NotFoundError when it was never fetched."""
    folder = repo_folder(repo)
    try:
        is_commit = COMMIT.fullmatch(revision)
        commit = revision if is_commit else (folder / "refs" / revision).read_text().strip()
        if not COMMIT.fullmatch(commit):
            raise ValueError("no commit")
        # A link to what is gone counts: it is a file that was fetched in part, or removed since.
        paths = [
            path
            for path in (folder / "snapshots" / commit).iterdir()
            if path.is_file() or path.is_symlink()
        ]
    except (OSError, ValueError):
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
                path.stat().st_size if path.is_file() else None,
                blob if SHA256.fullmatch(blob) else None,
                blob if COMMIT.fullmatch(blob) else None,
            )
        )
    return Listing(repo, commit, tuple(files), cached=True)


def is_cached(listing: Listing, name: str) -> bool:
    """Whether the cache holds a file of this commit; its content is not checked."""
    file, folder = listing.file(name), repo_folder(listing.repo)
    blob = folder / "blobs" / (file.sha256 or file.blob_id or "unknown")
    return (folder / "snapshots" / listing.commit / name).is_file() or blob.is_file()


def lacking(listing: Listing, names: Iterable[str]) -> int:
    """The bytes that the cache has to take for these files; what came of one counts as there."""
    blobs, count = repo_folder(listing.repo) / "blobs", 0
    for name in names:
        if is_cached(listing, name):
            continue
        file = listing.file(name)
        part = blobs / f"{file.sha256 or file.blob_id}.incomplete"
        try:
            came = part.stat().st_blocks * 512  # it has its full length from the start
        except OSError:
            came = 0
        count += max(0, (file.size or 0) - came)
    return count


def point(pointer: Path, blob: Path) -> None:
    """The cache's own link from a commit's file name to the content."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temp = pointer.with_name(pointer.name + ".new")
    temp.unlink(missing_ok=True)
    try:
        temp.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:  # a file system without such links
        os.link(blob, temp)
    temp.replace(pointer)
