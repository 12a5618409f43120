"""What readers of the catalogue get: frozen records with the shapes that `--json` promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model in the catalogue. `imported` names the local version that came from it."""

    ref: str
    source: str
    name: str
    version: str
    hub_id: str | None
    tasks: tuple[str, ...]
    finetune_tasks: tuple[str, ...]
    license: str | None
    parameters: int | None
    size_bytes: int | None
    downloads: int | None
    architecture: str | None
    languages: tuple[str, ...]
    gated: bool
    skus: dict[str, Any]
    defaults: dict[str, str]
    description: str | None
    imported: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "source": self.source,
            "name": self.name,
            "version": self.version,
            "hub_id": self.hub_id,
            "tasks": list(self.tasks),
            "finetune_tasks": list(self.finetune_tasks),
            "license": self.license,
            "parameters": self.parameters,
            "size_bytes": self.size_bytes,
            "downloads": self.downloads,
            "architecture": self.architecture,
            "languages": list(self.languages),
            "gated": self.gated,
            "imported": self.imported,
        }

    def as_full_json(self) -> dict[str, Any]:
        """All that is known, for `catalog show`."""
        return self.as_json() | {
            "skus": self.skus,
            "defaults": self.defaults,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """A page of the catalogue; `total` stops counting at `capped_at` ("1000+")."""

    rows: tuple[CatalogEntry, ...]
    total: int
    capped: bool


@dataclass(frozen=True, slots=True)
class CatalogChanges:
    """What the last sync of a source changed; `names` holds the best ranked of each change."""

    source: str
    synced: str
    new: int
    updated: int
    gone: int
    total: int
    names: dict[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "synced": self.synced,
            "new": self.new,
            "updated": self.updated,
            "gone": self.gone,
            "total": self.total,
            "names": {change: list(names) for change, names in self.names.items()},
        }


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync changed in `source`; `total` is what the source holds now."""

    source: str
    new: int
    updated: int
    gone: int
    total: int
