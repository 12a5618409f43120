"""What models take on the disk, and which bytes they share: a hard link is counted once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.views import ModelInfo

_Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ModelDisk:
    """A model version's bytes. `own` are freed when it is removed; the others lie elsewhere too:
    in other models, in the hub's cache, in runs. A byte may be in several of these three."""

    ref: str
    bytes: int
    own: int
    models: int
    cache: int
    runs: int

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Disk:
    """All models, the largest first; `total` counts every byte of theirs once."""

    models: tuple[ModelDisk, ...]
    total: int

    def as_json(self) -> dict[str, Any]:
        return {"models": [one.as_json() for one in self.models], "total": self.total}


def usage(models: Iterable[ModelInfo], runs: Path, cache: Path) -> Disk:
    """What each of `models` takes; `runs` and `cache` are folders that may share files with it."""
    held = {model.ref: dict(_inodes(Path(model.path))) for model in models}
    sizes: dict[_Inode, int] = {}
    holders: dict[_Inode, int] = {}
    for inodes in held.values():
        sizes |= inodes
        for inode in inodes:
            holders[inode] = holders.get(inode, 0) + 1
    wanted = set(sizes)
    in_cache = {inode for inode, _ in _inodes(cache)} & wanted
    in_runs = {inode for inode, _ in _inodes(runs)} & wanted

    def told(ref: str, inodes: dict[_Inode, int]) -> ModelDisk:
        def within(kept: Iterable[_Inode]) -> int:
            return sum(inodes[inode] for inode in kept)

        many = {inode for inode in inodes if holders[inode] > 1}
        cached, run = in_cache & set(inodes), in_runs & set(inodes)
        own = set(inodes) - many - cached - run
        return ModelDisk(
            ref, within(inodes), within(own), within(many), within(cached), within(run)
        )

    found = sorted((told(*pair) for pair in held.items()), key=lambda one: (-one.bytes, one.ref))
    return Disk(tuple(found), sum(sizes.values()))


def _inodes(folder: Path) -> Iterator[tuple[_Inode, int]]:
    """Every regular file below a folder by device and inode, with its size. Links are left out."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # it is not there, or goes while one looks
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _inodes(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                stat = entry.stat(follow_symlinks=False)
                yield (stat.st_dev, stat.st_ino), stat.st_size
        except OSError:
            continue


def purge(model: ModelInfo, cache: Path) -> int:
    """Delete the revision that a model came from from the hub's cache. Returns the bytes freed.

    Other revisions stay, and so does what they share with it.
    """
    if not model.origin.startswith("hf:") or not cache.is_dir():
        return 0
    from huggingface_hub import scan_cache_dir

    name, _, revision = model.origin.removeprefix("hf:").partition("@")
    revision = model.revision or revision
    found: Any = scan_cache_dir(cache)
    held = {r.commit_hash for repo in found.repos if repo.repo_id == name for r in repo.revisions}
    if revision not in held:
        return 0
    strategy = found.delete_revisions(revision)
    strategy.execute()
    return int(strategy.expected_freed_size)
