"""The catalogue: search it, look at an entry, sync it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Unpack

from fmtui.services.context import Context
from registry import search as _search
from registry.catalog import queries
from registry.catalog.orders import SORTS
from registry.catalog.views import CatalogChanges, CatalogEntry, CatalogPage, SyncResult
from registry.search import Filters

__all__ = [
    "SORTS",
    "Filters",
    "SyncResult",
    "changes",
    "facets",
    "search",
    "show",
    "sync_azureml",
    "sync_huggingface",
]


def search(
    ctx: Context,
    query: str = "",
    *,
    sort: str | None = None,
    reverse: bool = False,
    offset: int = 0,
    limit: int = 50,
    **filters: Unpack[Filters],
) -> CatalogPage:
    """A page of the entries that hold every word of `query` and pass the filters.

    Any text may be typed. Totals stop at 1000. Raises UsageError for an unknown sort, or for a
    size that is no bound.
    """
    return _search.search(
        ctx.db.read(), query, sort=sort, reverse=reverse, offset=offset, limit=limit, **filters
    )


def show(ctx: Context, ref: str) -> CatalogEntry:
    """One entry with its description. Raises NotFoundError with the nearest names."""
    return queries.show(ctx.db.read(), ref)


def facets(ctx: Context) -> dict[str, list[tuple[str, int]]]:
    """For source, task, finetune_task, license, gated and size: the values and their models."""
    return queries.facets(ctx.db.read())


def changes(ctx: Context) -> list[CatalogChanges]:
    """What the last sync of each source changed: new, updated and gone models."""
    return queries.changes(ctx.db.read())


def sync_azureml(ctx: Context, folder: Path) -> SyncResult:
    """Read a checkout of Azure ML's specifications, all of it or nothing.

    Raises:
        NotFoundError: there is no such folder.
        BadInputError: it holds no specification, or a broken one; the error names the file.
    """
    from registry.catalog.specs import Specifications
    from registry.catalog.sync import sync

    return sync(ctx.db, Specifications(folder))


def sync_registry(
    ctx: Context,
    registry: str = "azureml",
    *,
    fresh: bool = False,
    given: Mapping[str, str | None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SyncResult:
    """Mirror a registry of Azure ML as it is now; versions that are known are not asked for again.

    Args:
        fresh: Ask for those too: a publisher may have changed their tags.
        given: What names the workspace and the way to sign in; see `fmtui.azure.settings`.
        progress: Called now and then with the models that are known and their number.

    Raises:
        RemoteError: Azure can't be reached, or refuses; the next sync goes on where this ended.
        NotFoundError: there is no such registry.
        BadInputError: offline.
    """
    from fmtui.azure.catalog import RegistryModels
    from fmtui.azure.connection import connect
    from registry.catalog.sync import sync

    source = RegistryModels(
        connect(ctx.home, dict(given or {})),
        registry,
        ctx.home.root / "sync",
        progress or (lambda *_: None),
        fresh=fresh,
    )
    return sync(ctx.db, source)


def sync_huggingface(
    ctx: Context,
    *,
    task: str | None = None,
    author: str | None = None,
    library: str | None = None,
    license: str | None = None,
    search: str | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> SyncResult:
    """Mirror the hub's models that pass the filters; they replace what was mirrored before.

    Args:
        limit: Only so many, the most downloaded.
        progress: Called now and then with the number of models so far.

    Raises:
        RemoteError: the hub can't be reached, or refuses. The next sync with the same filters
            goes on where this one ended.
        BadInputError: offline.
    """
    from registry.catalog.huggingface import HubModels, Wanted
    from registry.catalog.sync import sync

    wanted = Wanted(task, author, library, license, search, limit)
    source = HubModels(wanted, ctx.home.root / "sync", progress or (lambda _: None))
    result = sync(ctx.db, source)
    source.done()
    return result
