"""Runs: the list that tells the truth, one run's page, and what can be done to it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, ConflictError, NotFoundError
from fmtui.runs import slots
from fmtui.runs.folder import ENDED, Exit, RunFolder, all_folders
from fmtui.runs.journal import Journal, story_of
from fmtui.runs.process import try_lock
from fmtui.runs.state import state_of
from fmtui.runs.supervisor import GRACE_SECONDS
from fmtui.services.context import Context
from fmtui.services.settle import dispatch, reap, settle
from registry import datasets
from registry import runs as rows
from registry.database import now
from registry.views import MetricPoint, RunInfo

__all__ = [
    "ENDED",
    "MetricPoint",
    "RunInfo",
    "RunStatus",
    "active",
    "cancel",
    "dispatch",
    "list_runs",
    "log_path",
    "metrics",
    "reap",
    "reindex",
    "remove",
    "report",
    "resume",
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


def _number(ref: str) -> int:
    text = ref.strip().lower().removeprefix("r")
    if not text.isdigit():
        raise NotFoundError(f"`{ref}` is no run", hint="Runs are called r1, r2, …")
    return int(text)


def _folder(ctx: Context, ref: str) -> RunFolder:
    return RunFolder(ctx.home.runs / f"r{_number(ref)}")


def list_runs(ctx: Context, *, limit: int = 500) -> list[RunInfo]:
    """Runs, newest first, each in the state that its folder proves."""
    reap(ctx)
    return rows.all_runs(ctx.db, limit=limit)


def active(ctx: Context) -> int:
    """How many runs are under way or queued, as last written; cheap enough for every frame."""
    row = ctx.db.read().execute(
        "SELECT count(*) FROM run WHERE state NOT IN ('completed', 'failed', 'canceled')"
    )
    return int(row.fetchone()[0])


def show(ctx: Context, ref: str) -> RunInfo:
    """One run, in the state that its folder proves. Raises NotFoundError."""
    number = _number(ref)
    info = rows.find(ctx.db, number)
    if info is None:
        raise NotFoundError(f"no run `r{number}`", hint="`fmtui run list` shows what there is.")
    if info.state not in ENDED:
        reap(ctx)
        info = rows.find(ctx.db, number) or info
    folder = _folder(ctx, ref)
    if info.state in ENDED or not folder.path.is_dir():
        return info
    story = story_of(folder.journal)
    return replace(info, started=story.started, metrics=story.final_metrics())


def status(ctx: Context, ref: str) -> RunStatus:
    """A run's progress; cheap to ask for again and again."""
    info = show(ctx, ref)
    folder = _folder(ctx, ref)
    story = story_of(folder.journal)
    alive = info.state not in ENDED and folder.held()
    left = None
    elapsed = _seconds(story.started, info.ended)
    attempt, done = _seconds(story.resumed, None), story.step - story.first_step
    if info.state == "running" and attempt and done > 0:
        left = attempt / done * (story.total_steps - story.step)
    reason = None
    if info.state == "queued" and not slots.free(ctx.home.slots):
        reason = f"waits for a free slot ({', '.join(slots.names())})"
    end = folder.exit()
    return RunStatus(
        info=info,
        step=story.step,
        total_steps=story.total_steps,
        epoch=story.epoch,
        total_epochs=story.total_epochs,
        rate=story.rate,
        eta_seconds=left,
        elapsed_seconds=elapsed,
        best=story.best,
        queue_reason=reason,
        resumable=info.state in ("failed", "canceled") and bool(end),
        alive=alive,
        warnings=tuple(story.warnings),
    )


def _seconds(start: str | None, end: str | None) -> float | None:
    if start is None:
        return None
    begun = datetime.fromisoformat(start)
    ended = datetime.fromisoformat(end) if end else datetime.now(UTC)
    return max((ended - begun).total_seconds(), 0.0)


def metrics(ctx: Context, ref: str) -> list[MetricPoint]:
    """Every point of every curve: from the journal, which is the truth, while there is one."""
    show(ctx, ref)
    folder = _folder(ctx, ref)
    if folder.journal.exists():
        return list(story_of(folder.journal).points)
    return rows.metrics(ctx.db, _number(ref))


def log_path(ctx: Context, ref: str) -> Path:
    """The file that the run's processes write their lines to."""
    show(ctx, ref)
    return _folder(ctx, ref).log


def spec(ctx: Context, ref: str) -> dict[str, Any]:
    """All that is needed to do the run again."""
    show(ctx, ref)
    try:
        return _folder(ctx, ref).spec()
    except (OSError, ValueError) as error:
        raise BadInputError(f"the spec of {ref} can't be read: {error}") from error


def report(ctx: Context, ref: str) -> dict[str, Any] | None:
    """What an evaluation found beyond its metrics: confusion matrix, figures per label."""
    import json

    try:
        value: dict[str, Any] = json.loads(
            (_folder(ctx, ref).output / "report.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return None
    return value


def create(ctx: Context, new: rows.NewRun, spec: dict[str, Any]) -> RunInfo:
    """Make a run's folder and row, both or neither, and start it if a slot is free.

    Args:
        spec: Without `run`, which is filled in here.
    """
    taken = {folder.id for folder in all_folders(ctx.home.runs)}
    with ctx.db.write() as connection:
        highest = connection.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0]
        number = max([highest, *taken]) + 1
        rows.insert(connection, number, new)
        folder = RunFolder.create(ctx.home.runs, number, {"run": f"r{number}", **spec})
        try:
            journal = Journal(folder.journal)
            journal.state("queued")
            journal.close()
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
    dispatch(ctx)
    info = rows.find(ctx.db, number)
    assert info is not None
    return info


def cancel(ctx: Context, ref: str) -> RunInfo:
    """Ask a run to end: it writes a checkpoint and stops. Returns when it has ended.

    Raises ConflictError when it has ended already.
    """
    info = show(ctx, ref)
    folder = _folder(ctx, ref)
    if info.state in ENDED:
        raise ConflictError(f"{info.run} has ended already: {info.state}")
    folder.cancel_request.touch()
    lock = try_lock(folder.lock)
    if lock is not None:
        # Nobody carries it: it was still queued, or its processes died just now.
        try:
            if folder.exit() is None:
                folder.write_exit(Exit("canceled", now(), "canceled"))
        finally:
            os.close(lock)
    else:
        _end_processes(folder)
    settle(ctx, info.id)
    dispatch(ctx)
    return show(ctx, ref)


def _end_processes(folder: RunFolder) -> None:
    """Through the supervisor, which sweeps up; where it is gone, the worker itself."""
    import signal

    supervisor, worker = folder.supervisor(), folder.worker()
    if (supervisor is None or not supervisor.signal(signal.SIGTERM)) and worker is not None:
        worker.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS + 10
    while folder.held() and time.monotonic() < deadline:
        time.sleep(0.05)
    if folder.held() and worker is not None:
        worker.signal_group(signal.SIGKILL)
        time.sleep(0.2)
    state_of(folder)


def resume(ctx: Context, ref: str) -> RunInfo:
    """Go on from the last checkpoint, under the same number; the log and journal go on too."""
    info = show(ctx, ref)
    folder = _folder(ctx, ref)
    if info.state not in ("failed", "canceled"):
        raise ConflictError(
            f"{info.run} is {info.state}", hint="Only a failed or canceled run can be resumed."
        )
    lock = try_lock(folder.lock)
    if lock is None:
        raise ConflictError(f"{info.run} is still ending", hint="Try again in a moment.")
    try:
        folder.start_over()
        journal = Journal(folder.journal)
        journal.state("queued")
        journal.close()
        rows.set_state(ctx.db, info.id, "queued")
    finally:
        os.close(lock)
    dispatch(ctx)
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
    folder = _folder(ctx, ref)
    with suppress(OSError):
        gone = folder.path.with_name(f".{folder.path.name}.removed")
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return info


def reindex(ctx: Context) -> list[RunInfo]:
    """Make the rows that are missing from the folders that are there. Returns what was added."""
    known = rows.numbers(ctx.db)
    added = []
    for folder in all_folders(ctx.home.runs):
        if folder.id in known:
            continue
        try:
            new = _row_of(ctx, folder.spec())
        except (OSError, ValueError, KeyError, TypeError):
            continue
        with ctx.db.write() as connection:
            rows.insert(connection, folder.id, new)
        added.append(folder.id)
    reap(ctx)
    return [info for number in added if (info := rows.find(ctx.db, number))]


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
