"""Runs: the list that tells the truth, one run's page, and what can be done to it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fmtui.errors import ConflictError, FmtuiError
from fmtui.runs.backends import backend_of
from fmtui.runs.folder import ENDED, RunFolder, all_folders
from fmtui.runs.journal import story_of
from fmtui.runs.ranks import Rank, all_ranks
from fmtui.services import ending, queue
from fmtui.services._runs import active, facets, folder_of, list_runs, order_runs, read_runs, show
from fmtui.services.context import Context
from fmtui.services.ending import resume_interrupted
from fmtui.services.reindex import adopt, reindex
from fmtui.services.run_files import (
    files,
    log_path,
    log_reader,
    metrics,
    report,
    resources,
    spec,
)
from fmtui.services.settle import Proof, dispatch, reap
from fmtui.services.text import elapsed
from registry import runs as rows
from registry.labels import TAGS_FILE
from registry.run_list import Wanted, goes_down
from registry.views import MetricPoint, RunInfo

__all__ = [
    "ENDED",
    "MetricPoint",
    "Proof",
    "Rank",
    "RunInfo",
    "RunStatus",
    "Wanted",
    "active",
    "cancel",
    "dispatch",
    "facets",
    "files",
    "goes_down",
    "join",
    "list_runs",
    "log_path",
    "log_reader",
    "metrics",
    "order_runs",
    "read_runs",
    "reap",
    "reindex",
    "remove",
    "report",
    "resources",
    "resume",
    "resume_interrupted",
    "show",
    "spec",
    "status",
    "wait",
]


@dataclass(frozen=True)
class RunStatus:
    """A run right now. `rate` is rows per second, `eta_seconds` the time that is left."""

    info: RunInfo
    step: int
    total_steps: int
    epoch: float
    total_epochs: float
    rate: float | None
    eta_seconds: float | None
    elapsed_seconds: float | None
    best: str | None
    queue_reason: str | None
    resumable: bool
    alive: bool
    warnings: tuple[str, ...] = ()
    ranks: tuple[Rank, ...] = ()


def status(ctx: Context, ref: str) -> RunStatus:
    """A run's progress; cheap to ask for again and again."""
    info = show(ctx, ref)
    folder = folder_of(ctx, ref)
    story = story_of(folder.journal)
    alive = info.state not in ENDED and folder.held()
    left = None
    attempt, done = elapsed(story.resumed), story.step - story.first_step
    if info.state == "running" and attempt and done > 0:
        left = attempt / done * (story.total_steps - story.step)
    reason = _reason(ctx, info, folder)
    return RunStatus(
        info=info,
        step=story.step,
        total_steps=story.total_steps,
        epoch=story.epoch,
        total_epochs=story.total_epochs,
        rate=story.rate,
        eta_seconds=left,
        elapsed_seconds=info.seconds,
        best=story.best,
        queue_reason=reason,
        resumable=info.state in ("failed", "canceled") and folder.path.is_dir(),
        alive=alive,
        warnings=tuple(story.warnings),
        ranks=tuple(all_ranks(folder)),
    )


def _reason(ctx: Context, info: RunInfo, folder: RunFolder) -> str | None:
    """Why a run waits, also one that has begun, or why its backend can't tell how it is."""
    if info.backend != "local" and info.state in ("queued", "not_responding"):
        return backend_of(info.backend).status(folder).reason
    if info.state == "starting" and info.backend == "local":
        from fmtui.runs.join import waits_for

        return waits_for(folder)
    return queue.reason(ctx, info.run) if info.state == "queued" else None


def create(
    ctx: Context,
    new: rows.NewRun,
    spec: dict[str, Any],
    *,
    priority: int = 0,
    files: Mapping[str, bytes] | None = None,
) -> RunInfo:
    """Make a run's folder and row, both or neither, and start it if a slot is free.

    Args:
        spec: Without `run`, which is filled in here.
        priority: A run of a higher one goes first.
        files: What else its folder holds from the beginning, by paths within it.
    """
    adopt(ctx)
    taken = {folder.id for folder in all_folders(ctx.home.runs)}
    beside: dict[str, Any] = {"queue.json": {"priority": priority}} if priority else {}
    beside |= files or {}
    if new.tags:
        beside[TAGS_FILE] = list(new.tags)
    with ctx.db.write() as connection:
        highest = connection.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0]
        number = max([highest, *taken]) + 1
        rows.insert(connection, number, new)
        RunFolder.create(ctx.home.runs, number, {"run": f"r{number}", **spec}, beside)
    info = rows.find(ctx.db, number)
    assert info is not None
    if info.backend == "local":
        dispatch(ctx)
    else:
        _hand_over(ctx, info)
    return rows.find(ctx.db, number) or info


def _hand_over(ctx: Context, info: RunInfo) -> None:
    """Give a new run to a backend elsewhere; what is refused there leaves nothing here."""
    try:
        ending.hand_over(ctx, info, RunFolder(ctx.home.runs / info.run))
    except FmtuiError:
        with suppress(FmtuiError):
            remove(ctx, info.run)
        raise


def cancel(ctx: Context, ref: str) -> RunInfo:
    """Ask a run to end: it writes a checkpoint and stops. Returns when all of it is gone.

    Raises ConflictError when it has ended already.
    """
    ending.cancel(ctx, show(ctx, ref))
    return show(ctx, ref)


def resume(ctx: Context, ref: str) -> RunInfo:
    """Go on from the last checkpoint, under the same number; the log and journal go on too.

    Raises ConflictError unless it failed or was canceled.
    """
    ending.resume(ctx, show(ctx, ref))
    return show(ctx, ref)


def join(
    ctx: Context,
    ref: str,
    machine: int,
    *,
    address: str | None = None,
    say: Callable[[str], None],
) -> RunInfo:
    """Carry the processes of a further machine, until the run has ended; see fmtui.runs.join."""
    from fmtui.runs import join as joining

    folder = folder_of(ctx, ref)

    def started() -> bool:
        state = show(ctx, ref).state
        if state in ENDED:
            raise joining.already_ended(folder, state)
        return state != "queued"

    show(ctx, ref)
    joining.join(folder, machine, address=address, started=started, say=say)
    return show(ctx, ref)


def wait(
    ctx: Context, ref: str, *, on_status: Callable[[RunStatus], None] | None = None
) -> RunInfo:
    """Wait for a run's end; `on_status` is called about twice a second."""
    while True:
        now_status = status(ctx, ref)
        if on_status is not None:
            on_status(now_status)
        if now_status.info.state in ENDED:
            return now_status.info
        time.sleep(0.4)


def remove(ctx: Context, ref: str) -> RunInfo:
    """Delete a run's row and folder. Raises ConflictError while it is alive or needed."""
    info = show(ctx, ref)
    if info.state not in ENDED:
        raise ConflictError(f"{info.run} is {info.state}", hint=f"`fmtui run cancel {info.run}`")
    rows.remove(ctx.db, info.id)
    folder = folder_of(ctx, ref)
    with suppress(OSError):
        gone = folder.path.with_name(f".{folder.path.name}.removed")
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return info
