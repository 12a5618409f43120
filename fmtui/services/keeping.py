"""Keeping models: tags, notes, what they take on the disk, and bundles for machines without net."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fmtui.services.context import Context
from registry import queries
from registry.bundle import Imported
from registry.disk import Disk
from registry.labels import check_note
from registry.views import ImportProgress, ModelInfo

__all__ = [
    "Disk", "Imported", "check_note", "disk", "export", "hub_cache", "load", "note", "purge", "tag",
]  # fmt: skip

Report = Callable[[ImportProgress], None]


def tag(
    ctx: Context, ref: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> ModelInfo:
    """Put tags on a model version, and take others off. Raises NotFoundError, UsageError."""
    from registry.labels import tag as run

    info = queries.model(ctx.db.read(), ref)
    run(ctx.db, info.id, add=add, remove=remove)
    return queries.model_by_id(ctx.db.read(), info.id)


def note(ctx: Context, ref: str, text: str) -> ModelInfo:
    """Write a model version's note anew; an empty one takes it away."""
    from registry.labels import note as run

    info = queries.model(ctx.db.read(), ref)
    run(ctx.db, info.id, text)
    return queries.model_by_id(ctx.db.read(), info.id)


def disk(ctx: Context) -> Disk:
    """What each model takes on the disk, and what it shares with the hub's cache and with runs."""
    from registry.disk import usage

    return usage(queries.list_models(ctx.db.read()), ctx.home.runs, hub_cache())


def purge(ctx: Context, model: ModelInfo) -> int:
    """Delete what a removed model came from from the hub's cache; other tools lose it too.

    Returns the bytes that were freed. What another model here came from is left alone.
    """
    from registry.disk import purge as run

    others = queries.list_models(ctx.db.read())
    if any(one.origin == model.origin and one.id != model.id for one in others):
        return 0
    return run(model, hub_cache())


def hub_cache() -> Path:
    """The folder in which the hub's own client keeps what it fetched."""
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def export(
    ctx: Context, refs: Sequence[str], to: Path, progress: Report | None = None
) -> tuple[list[ModelInfo], int]:
    """Write models, their ancestors and their runs to one file. Returns them and its bytes.

    Raises:
        NotFoundError: there is no such model.
        ConflictError: `to` exists.
        BadInputError: a file is missing, or not what was registered.
        StorageError: the disk is full or read-only.
    """
    from registry.bundle import export as run

    models = [queries.model(ctx.db.read(), ref) for ref in refs]
    return models, run(ctx.db, ctx.home.runs, models, to, progress or (lambda _: None))


def load(
    ctx: Context, bundle: Path, progress: Report | None = None, *, trust: bool = False
) -> tuple[list[ModelInfo], Imported]:
    """Register what a bundle holds; what is here already is recognised. All of it or nothing.

    Raises:
        BadInputError: it is no bundle, is damaged, holds what no bundle may hold, or code of a
            model's own without `trust`.
        StorageError: the disk is full or read-only.
    """
    from registry.bundle import load as run

    report = progress or (lambda _: None)
    done = run(ctx.db, ctx.home.models, ctx.home.runs, bundle, report, trust=trust)
    return [queries.model_by_id(ctx.db.read(), id) for id in done.ids], done
