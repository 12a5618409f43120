"""Ending runs, and going on with them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from fmtui.errors import ConflictError, FmtuiError
from fmtui.runs import queue
from fmtui.runs.backends import backend_of
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.process import sweep, try_lock
from fmtui.services.context import Context
from fmtui.services.settle import dispatch, reap, settle
from registry import runs as rows
from registry.database import now, storage_errors
from registry.run_list import Wanted, find_runs
from registry.views import RunInfo

_GONE_SECONDS = 10.0
"""How long what has ended may take to be gone."""


def cancel(ctx: Context, info: RunInfo) -> None:
    """Ask a run to end: it writes a checkpoint and stops. Returns when all of it is gone.

    Raises ConflictError when it has ended already.
    """
    folder = RunFolder(ctx.home.runs / info.run)
    if info.state in ENDED:
        raise ConflictError(f"{info.run} has ended already: {info.state}")
    with storage_errors(folder.path):
        backend_of(info.backend).cancel(folder)
    settle(ctx, info.id)
    dispatch(ctx)


def resume(ctx: Context, info: RunInfo) -> None:
    """Go on from the last checkpoint, under the same number; the log and journal go on too.

    Raises ConflictError unless it failed or was canceled.
    """
    folder = RunFolder(ctx.home.runs / info.run)
    if info.state not in ("failed", "canceled"):
        raise ConflictError(
            f"{info.run} is {info.state}", hint="Only a failed or canceled run can be resumed."
        )
    if not folder.path.is_dir():
        raise ConflictError(
            f"the folder of {info.run} is gone", hint="Start it anew; nothing can be gone on with."
        )
    if info.backend == "local":
        _need_parts(info, folder)
    with storage_errors(folder.path):
        lock = _lock_soon(folder)
        if lock is None:
            raise ConflictError(f"{info.run} is still ending", hint="Try again in a moment.")
        try:
            taken_up = _taken_up(ctx, info.id, folder)
            if not taken_up:
                _put_back(ctx, info.id, folder)
        finally:
            os.close(lock)
    if info.backend == "local":  # also then: its supervisor may have met this lock
        dispatch(ctx)
    if taken_up:
        raise ConflictError(f"{info.run} was resumed a moment ago, by somebody else")
    if info.backend != "local":
        hand_over(ctx, info, folder)


def _taken_up(ctx: Context, number: int, folder: RunFolder) -> bool:
    """Whether another has resumed it meanwhile: it waits, or has completed. The caller holds the
    run's lock. The row is written last: where it still tells of the end, that one was killed."""
    row, end = rows.find(ctx.db, number), folder.exit()
    if row is None or row.state in ("failed", "canceled"):
        return False
    return not folder.was_started() if end is None else end.state == "completed"


def _put_back(ctx: Context, number: int, folder: RunFolder) -> None:
    """Make it a run that waits. The caller holds the run's lock."""
    sweep(folder.path)  # what a killed attempt left must not write into this one
    end = folder.exit()
    folder.start_over()
    place = queue.place_of(folder)
    if place.paused:
        queue.put(folder, queue.Place(place.priority, place.order))
    journal = Journal(folder.journal)
    journal.write("note", message=_before(end))
    journal.state("queued")
    journal.close()
    rows.set_state(ctx.db, number, "queued")


def _need_parts(info: RunInfo, folder: RunFolder) -> None:
    """Raise ConflictError when the model or data of a run are not here, as after a bundle came."""
    with suppress(OSError, ValueError, AttributeError):
        spec = folder.spec()
        parts = [spec[name] for name in ("model", "train", "validation", "data") if spec.get(name)]
        lacking = [p.get("ref") for p in parts if not Path(str(p.get("path"))).exists()]
        if lacking:
            raise ConflictError(
                f"{info.run} needs {lacking[0]}, which is not on this machine",
                hint="Import the model, or add the data, and start it anew.",
            )


def _lock_soon(folder: RunFolder) -> int | None:
    """The lock of a run that has ended; its supervisor may need a moment to be gone."""
    deadline = time.monotonic() + _GONE_SECONDS
    while (lock := try_lock(folder.lock)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return lock


def hand_over(ctx: Context, info: RunInfo, folder: RunFolder) -> None:
    """Give a run to a backend elsewhere. Raises what that raises; the run has failed then."""
    try:
        backend_of(info.backend).submit(folder)
    except FmtuiError as error:
        resumable = folder.last_checkpoint() is not None
        with storage_errors(folder.path):
            folder.write_exit(Exit("failed", now(), str(error), resumable))
        settle(ctx, info.id)
        raise


def _before(end: Exit | None) -> str:
    """What the journal says of the attempt that is gone on with."""
    if end is None:
        return "resumed"
    return f"resumed after it {end.state} at {end.ended}: {end.error or 'no reason given'}"


def resume_interrupted(ctx: Context) -> tuple[list[str], list[tuple[str, FmtuiError]]]:
    """Go on with every run that was ended from outside, not by a person's wish or its own fault.

    Returns the runs that go on, and those that can't with the reason.
    """
    reap(ctx)
    resumed, refused = [], []
    for info in reversed(find_runs(ctx.db, Wanted(state="failed"))):
        end = RunFolder(ctx.home.runs / info.run).exit()
        if end is None or not end.interrupted:
            continue
        try:
            resume(ctx, info)
            resumed.append(info.run)
        except FmtuiError as error:
            refused.append((info.run, error))
    return resumed, refused
