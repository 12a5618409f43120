"""What a hub tells of a repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file at the top of a repository. A large one has a `sha256`, a small one a git blob id."""

    name: str
    size: int | None
    sha256: str | None
    blob_id: str | None


@dataclass(frozen=True)
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
        return self._by_name[name]

    def has_hash(self, name: str) -> bool:
        """Whether it is known what the file must be."""
        return bool(self.file(name).sha256 or self.file(name).blob_id)

    @cached_property
    def _by_name(self) -> dict[str, HubFile]:
        return {file.name: file for file in self.files}
