"""The words that a person puts on runs, to find them again by."""

from __future__ import annotations

from collections.abc import Iterable

from fmtui.runs.process import write_json
from fmtui.services._runs import folder_of, show
from fmtui.services.context import Context
from registry.database import storage_errors
from registry.labels import TAGS_FILE, check_tags, run_tags, set_run_tags
from registry.views import RunInfo

__all__ = ["tag"]


def tag(ctx: Context, ref: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> RunInfo:
    """Put tags on a run and take others off; what is so already stays so.

    Raises NotFoundError, UsageError for a word that can't be a tag, StorageError.
    """
    info, folder = show(ctx, ref), folder_of(ctx, ref).path
    added, removed = check_tags(add), set(remove)
    with ctx.db.write() as connection:
        tags = sorted({*run_tags(connection, info.id), *added} - removed)
        set_run_tags(connection, info.id, tags)
        if folder.is_dir():
            with storage_errors(folder):
                write_json(folder / TAGS_FILE, tags)
    return show(ctx, ref)
