"""Rows for folders that have none: the folders are the truth, the registry indexes them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fmtui.runs.folder import RunFolder, all_folders
from fmtui.services.context import Context
from fmtui.services.settle import reap
from registry import datasets
from registry import runs as rows
from registry.views import RunInfo


def reindex(ctx: Context) -> list[RunInfo]:
    """Make the rows that are missing from the folders that are there. Returns what was added."""
    added = [folder.id for folder in _unknown(ctx) if _insert(ctx, folder)]
    reap(ctx)
    return [info for number in added if (info := rows.find(ctx.db, number))]


def adopt(ctx: Context) -> None:
    """Take in runs whose maker was killed after their folder was made and before their row was."""
    for folder in _unknown(ctx):
        if folder.exit() is None:
            _insert(ctx, folder)


def _unknown(ctx: Context) -> list[RunFolder]:
    known = rows.numbers(ctx.db)
    return [folder for folder in all_folders(ctx.home.runs) if folder.id not in known]


def _insert(ctx: Context, folder: RunFolder) -> bool:
    try:
        new = _row_of(ctx, folder.spec())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with ctx.db.write() as connection:
        # Its maker may be at it just now: it held the registry until its row was written.
        if connection.execute("SELECT 1 FROM run WHERE id = ?", (folder.id,)).fetchone():
            return False
        rows.insert(connection, folder.id, new)
    return True


def _row_of(ctx: Context, spec: dict[str, Any]) -> rows.NewRun:
    from fmtui.errors import FmtuiError
    from fmtui.services import models

    data = spec["train"] if spec["kind"] == "finetune" else spec["data"]
    model_id = None
    with suppress(FmtuiError):
        model_id = models.show(ctx, spec["model"]["ref"]).id
    dataset = datasets.find(ctx.db, data["ref"].partition("@")[0])
    return rows.NewRun(
        kind=spec["kind"],
        backend=spec["backend"],
        task=spec["task"],
        name=spec.get("name"),
        model=spec["model"]["ref"],
        data=data["ref"],
        model_version_id=model_id,
        dataset_version_id=dataset.id if dataset else None,
        created=spec["created"],
    )
