"""Resolve a revision to a commit and list its files."""

from __future__ import annotations

import functools
import re
from typing import Any

from registry.errors import BadInputError, RemoteError
from registry.hub import cache
from registry.hub.errors import hub_errors
from registry.hub.patience import patiently
from registry.hub.views import COMMIT, SHA256, HubFile, Listing

_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*")


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
        return cache.listing(repo, revision)
    with hub_errors(repo, revision):
        listing = _ask(repo, revision)
    if revision != listing.commit:
        cache.remember(repo, revision, listing.commit)
    return listing


def _ask(repo: str, revision: str) -> Listing:
    from huggingface_hub import HfApi, constants

    api, seconds = HfApi(), constants.HF_HUB_ETAG_TIMEOUT
    info = patiently(
        lambda: api.model_info(repo, revision=revision, files_metadata=True, timeout=seconds)
    )
    if not info.sha or not COMMIT.fullmatch(info.sha):
        raise RemoteError(f"the hub names no commit for {repo}")
    siblings = info.siblings or []
    if all(file.size is not None and (file.blob_id or file.lfs) for file in siblings):
        files = [
            _file(f.rfilename, f.size, f.lfs.sha256 if f.lfs else None, f.blob_id) for f in siblings
        ]
    else:  # a mirror that lists names alone: its tree has the hashes and sizes
        files = _tree(api.endpoint, repo, info.sha)
    card: Any = info.card_data or {}
    license = card.get("license")
    return Listing(
        repo,
        info.sha,
        tuple(f for f in files if _plain(f.name)),
        license=license.lower() if isinstance(license, str) and license.isprintable() else None,
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
    for value, pattern in ((sha256, SHA256), (blob_id, COMMIT)):
        if value is not None and not pattern.fullmatch(value):
            raise RemoteError("the hub tells a hash that is none", hint="Is HF_ENDPOINT right?")
    return HubFile(str(name), size, sha256, blob_id)


def _tree(endpoint: str, repo: str, commit: str) -> list[HubFile]:
    """The tree at the top of a repository. The library's own call would wait without end."""
    url: str | None = f"{endpoint}/api/models/{repo}/tree/{commit}"
    files = []
    while url:
        response = patiently(functools.partial(_page, url))
        for entry in response.json():
            if entry["type"] == "file":
                lfs = entry.get("lfs") or {}
                files.append(_file(entry["path"], entry["size"], lfs.get("oid"), entry.get("oid")))
        url = response.links.get("next", {}).get("url")
    return files


def _page(url: str) -> Any:
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    seconds = constants.HF_HUB_ETAG_TIMEOUT
    response = get_session().get(url, headers=build_hf_headers(), timeout=seconds)
    hf_raise_for_status(response)
    return response
