"""Runs: the list that tells the truth, one run's page, and what can be done to it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, ConflictError, FmtuiError, NotFoundError
from fmtui.runs.backends import backend_of
from fmtui.runs.folder import ENDED, RunFolder, all_folders
from fmtui.runs.journal import story_of
from fmtui.runs.logs import LogReader
from fmtui.runs.ranks import Rank, all_ranks, log_of
from fmtui.services import ending, queue
from fmtui.services.context import Context
from fmtui.services.ending import resume_interrupted
from fmtui.services.reindex import adopt, reindex
from fmtui.services.settle import Proof, dispatch, reap
from registry import runs as rows
from registry.views import MetricPoint, RunInfo

__all__ = [
    "ENDED",
    "MetricPoint",
    "Rank",
    "RunInfo",
    "RunStatus",
    "active",
    "cancel",
    "dispatch",
    "facets",
    "files",
    "join",
    "list_runs",
    "log_path",
    "log_reader",
    "metrics",
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


def _number(ref: str) -> int:
    text = ref.strip().lower().removeprefix("r")
    if not text.isdigit():
        raise NotFoundError(f"`{ref}` is no run", hint="Runs are called r1, r2, …")
    return int(text)


def _folder(ctx: Context, ref: str) -> RunFolder:
    return RunFolder(ctx.home.runs / f"r{_number(ref)}")


def list_runs(
    ctx: Context,
    *,
    limit: int = 500,
    state: str | None = None,
    kind: str | None = None,
    model: str | None = None,
) -> list[RunInfo]:
    """Runs, newest first, each in the state that its folder proves."""
    proofs = reap(ctx)
    found = rows.all_runs(ctx.db, limit=limit, state=state, kind=kind, model=model)
    return [_proved(info, proofs) for info in found]


def facets(ctx: Context) -> dict[str, list[tuple[str, int]]]:
    """By `state`, `kind` and `model`: what runs have, and how many have it."""
    return rows.facets(ctx.db)


def _proved(info: RunInfo, proofs: Mapping[int, Proof]) -> RunInfo:
    """A run in the state that its folder proves, also where the registry could not be told."""
    proof = proofs.get(info.id)
    return info if proof is None else replace(info, state=proof.state, error=proof.error)


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
        proofs = reap(ctx)
        info = _proved(rows.find(ctx.db, number) or info, proofs)
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
    reason = _reason(ctx, info, folder)
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
        resumable=info.state in ("failed", "canceled") and folder.path.is_dir(),
        alive=alive,
        warnings=tuple(story.warnings),
        ranks=tuple(all_ranks(folder)),
    )


def _reason(ctx: Context, info: RunInfo, folder: RunFolder) -> str | None:
    """Why a run waits, or why its backend can't tell how it is."""
    if info.backend != "local" and info.state in ("queued", "not_responding"):
        return backend_of(info.backend).status(folder).reason
    return queue.reason(ctx, info.run) if info.state == "queued" else None


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


def resources(ctx: Context, ref: str) -> list[MetricPoint]:
    """What the run used of the machine: split `system`, steps in seconds since the first sample.

    Names: cpu_percent (100 is one core), memory_bytes, disk_bytes, rows_per_second, and where there
    is a GPU gpu_percent and gpu_memory_bytes.
    """
    show(ctx, ref)
    folder = _folder(ctx, ref)
    if folder.journal.exists():
        return list(story_of(folder.journal).resources)
    return rows.resources(ctx.db, _number(ref))


def log_path(ctx: Context, ref: str, rank: int = 0) -> Path:
    """The file that the run writes its lines to, or that one of its further processes does."""
    show(ctx, ref)
    return log_of(_folder(ctx, ref), rank)


def log_reader(ctx: Context, ref: str, rank: int = 0) -> LogReader:
    """Reads a run's log from its oldest part on, across its parts, also while it is written."""
    return LogReader(log_path(ctx, ref, rank))


def files(ctx: Context, ref: str) -> list[tuple[str, int]]:
    """What lies in the run's folder: paths within it and their sizes in bytes, by path."""
    root, found = _folder(ctx, ref).path, []
    for path in sorted(root.rglob("*")):
        with suppress(OSError):
            if path.is_file():
                found.append((str(path.relative_to(root)), path.stat().st_size))
    return found


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


def create(ctx: Context, new: rows.NewRun, spec: dict[str, Any], *, priority: int = 0) -> RunInfo:
    """Make a run's folder and row, both or neither, and start it if a slot is free.

    Args:
        spec: Without `run`, which is filled in here.
        priority: A run of a higher one goes first.
    """
    adopt(ctx)
    taken = {folder.id for folder in all_folders(ctx.home.runs)}
    place = {"priority": priority} if priority else None
    with ctx.db.write() as connection:
        highest = connection.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()[0]
        number = max([highest, *taken]) + 1
        rows.insert(connection, number, new)
        RunFolder.create(ctx.home.runs, number, {"run": f"r{number}", **spec}, place)
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

    folder = _folder(ctx, ref)

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
    folder = _folder(ctx, ref)
    with suppress(OSError):
        gone = folder.path.with_name(f".{folder.path.name}.removed")
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return info
