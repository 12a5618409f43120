"""The models that other tools left in the hub's cache: found, and registered in place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from registry import hub
from registry.database import Database
from registry.errors import FmtuiError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_FOLDER = re.compile(r"models--([A-Za-z0-9][\w.-]*?)(?:--([A-Za-z0-9][\w.-]*))?")


@dataclass(frozen=True, slots=True)
class Cached:
    """A model at one commit in the cache; `ref` is what it is registered as."""

    repo: str
    commit: str
    size_bytes: int
    ref: str | None

    @property
    def source(self) -> str:
        return f"hf:{self.repo}@{self.commit}"


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of one: its `ref`, or the `error` that tells why it is not taken."""

    cached: Cached
    ref: str | None
    error: FmtuiError | None


def cached_models(db: Database) -> list[Cached]:
    """The newest commit of each model that the cache holds files of, by name."""
    rows = db.read().execute(
        "SELECT model.name || ':' || version AS ref, revision, origin FROM model_version "
        "JOIN model ON model.id = model_id WHERE revision IS NOT NULL ORDER BY model_version.id"
    )
    known = {(row["origin"].partition("@")[0], row["revision"]): row["ref"] for row in rows}
    found = []
    folder = hub.cache_folder()
    for repo_folder in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _FOLDER.fullmatch(repo_folder.name)
        newest = _newest(repo_folder) if match else None
        if match is None or newest is None:
            continue
        repo = "/".join(part for part in match.groups() if part)
        size = sum(path.stat().st_size for path in newest.iterdir() if path.is_file())
        ref = known.get((f"hf:{repo}", newest.name))
        found.append(Cached(repo, newest.name, size, ref))
    return found


def _newest(repo_folder: Path) -> Path | None:
    """The snapshot that `main` names, else the one that was written last."""
    try:
        main = (repo_folder / "refs" / "main").read_text().strip()
    except (OSError, ValueError):
        main = ""
    snapshots = repo_folder / "snapshots"
    all_of_them = [
        path
        for path in (snapshots.iterdir() if snapshots.is_dir() else ())
        if _COMMIT.fullmatch(path.name) and path.is_dir() and any(path.iterdir())
    ]
    named = [path for path in all_of_them if path.name == main]
    return max(named or all_of_them, key=lambda path: path.stat().st_mtime, default=None)
