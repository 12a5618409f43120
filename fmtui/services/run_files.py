"""What lies in a run's folder: its curves, its log, its spec, its report."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError
from fmtui.runs.journal import story_of
from fmtui.runs.logs import LogReader
from fmtui.runs.ranks import log_of
from fmtui.services._runs import folder_of, number_of, show
from fmtui.services.context import Context
from registry import runs as rows
from registry.views import MetricPoint


def metrics(ctx: Context, ref: str) -> list[MetricPoint]:
    """Every point of every curve: from the journal, which is the truth, while there is one."""
    show(ctx, ref)
    folder = folder_of(ctx, ref)
    if folder.journal.exists():
        return list(story_of(folder.journal).points)
    return rows.metrics(ctx.db, number_of(ref))


def resources(ctx: Context, ref: str) -> list[MetricPoint]:
    """What the run used of the machine: split `system`, steps in seconds since the first sample.

    Names: cpu_percent (100 is one core), memory_bytes, disk_bytes, rows_per_second, and where there
    is a GPU gpu_percent and gpu_memory_bytes.
    """
    show(ctx, ref)
    folder = folder_of(ctx, ref)
    if folder.journal.exists():
        return list(story_of(folder.journal).resources)
    return rows.resources(ctx.db, number_of(ref))


def log_path(ctx: Context, ref: str, rank: int = 0) -> Path:
    """The file that the run writes its lines to, or that one of its further processes does."""
    show(ctx, ref)
    return log_of(folder_of(ctx, ref), rank)


def log_reader(ctx: Context, ref: str, rank: int = 0) -> LogReader:
    """Reads a run's log from its oldest part on, across its parts, also while it is written."""
    return LogReader(log_path(ctx, ref, rank))


def files(ctx: Context, ref: str) -> list[tuple[str, int]]:
    """What lies in the run's folder: paths within it and their sizes in bytes, by path."""
    root, found = folder_of(ctx, ref).path, []
    for path in sorted(root.rglob("*")):
        with suppress(OSError):
            if path.is_file():
                found.append((str(path.relative_to(root)), path.stat().st_size))
    return found


def spec(ctx: Context, ref: str) -> dict[str, Any]:
    """All that is needed to do the run again."""
    show(ctx, ref)
    try:
        return folder_of(ctx, ref).spec()
    except (OSError, ValueError) as error:
        raise BadInputError(f"the spec of {ref} can't be read: {error}") from error


def report(ctx: Context, ref: str) -> dict[str, Any] | None:
    """What an evaluation found beyond its metrics: confusion matrix, figures per label."""
    try:
        value: dict[str, Any] = json.loads(
            (folder_of(ctx, ref).output / "report.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return None
    return value
