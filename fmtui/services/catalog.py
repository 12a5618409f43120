"""The catalogue: search it, look at an entry, sync it."""

from __future__ import annotations

from pathlib import Path

from fmtui.services.context import Context
from registry import search as _search
from registry.catalog.sync import SyncResult
from registry.views import CatalogEntry, CatalogPage

SORTS = tuple(_search.SORTS)
"""What a list can be sorted by."""


def search(
    ctx: Context,
    query: str = "",
    *,
    source: str | None = None,
    task: str | None = None,
    finetune_task: str | None = None,
    license: str | None = None,
    sort: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> CatalogPage:
    """A page of the entries that hold every word of `query` and pass the filters.

    Any text may be typed. Totals stop at 1000. Raises UsageError for an unknown sort.
    """
    return _search.search(
        ctx.db.read(),
        query,
        source=source,
        task=task,
        finetune_task=finetune_task,
        license=license,
        sort=sort,
        offset=offset,
        limit=limit,
    )


def show(ctx: Context, ref: str) -> CatalogEntry:
    """One entry with its description. Raises NotFoundError with the nearest names."""
    return _search.show(ctx.db.read(), ref)


def facets(ctx: Context) -> dict[str, list[tuple[str, int]]]:
    """For source, task, finetune_task and license: the values and their number of models."""
    return _search.facets(ctx.db.read())


def sync_azureml(ctx: Context, folder: Path) -> SyncResult:
    """Read a checkout of Azure ML's specifications, all of it or nothing.

    Raises:
        NotFoundError: there is no such folder.
        BadInputError: it holds no specification, or a broken one; the error names the file.
    """
    from registry.catalog.specs import Specifications
    from registry.catalog.sync import sync

    return sync(ctx.db, Specifications(folder))
