"""Ending runs, and going on with them."""

from __future__ import annotations

import os
import signal
import time

from fmtui.errors import ConflictError, FmtuiError
from fmtui.runs import queue
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.process import sweep, try_lock
from fmtui.runs.state import state_of
from fmtui.runs.supervisor import grace_of
from fmtui.services.context import Context
from fmtui.services.settle import dispatch, reap, settle
from registry import runs as rows
from registry.database import now, storage_errors
from registry.views import RunInfo

_KILL_SECONDS = 10.0
"""How long what was killed may take to be gone."""


def cancel(ctx: Context, info: RunInfo) -> None:
    """Ask a run to end: it writes a checkpoint and stops. Returns when all of it is gone.

    Raises ConflictError when it has ended already.
    """
    folder = RunFolder(ctx.home.runs / info.run)
    if info.state in ENDED:
        raise ConflictError(f"{info.run} has ended already: {info.state}")
    with storage_errors(folder.path):
        folder.cancel_request.touch()
        lock = try_lock(folder.lock)
        if lock is None:
            _end_processes(folder)
        else:
            # Nobody carries it: it was still queued, or its processes died just now.
            try:
                sweep(folder.path)
                if folder.exit() is None:
                    folder.write_exit(
                        Exit("canceled", now(), "canceled", folder.last_checkpoint() is not None)
                    )
            finally:
                os.close(lock)
    settle(ctx, info.id)
    dispatch(ctx)


def _end_processes(folder: RunFolder) -> None:
    """Through the supervisor, which sweeps up; where it is gone, or does nothing, from here."""
    deadline = time.monotonic() + grace_of(folder)
    told: set[object] = set()
    while folder.held() and time.monotonic() < deadline:
        supervisor, worker = folder.supervisor(), folder.worker()
        alive = supervisor is not None and supervisor.alive()
        who = supervisor if alive else worker
        if who is not None and who not in told:
            told.add(who)
            send = who.signal if alive else who.signal_group
            send(signal.SIGTERM)
            send(signal.SIGCONT)  # one that is stopped must hear it too
        time.sleep(0.05)
    if folder.held():
        _kill(folder)
    # Only now is it over: nothing that it started is left, wherever that went.
    if not sweep(folder.path, timeout=_KILL_SECONDS):
        raise ConflictError(
            f"{folder.path.name} does not end: a process of it can't be killed",
            hint="It may wait for a disk or a device; try again later.",
        )
    state_of(folder)


def _kill(folder: RunFolder) -> None:
    """The grace is over. The supervisor kills as well; it may be gone, or stopped."""
    deadline = time.monotonic() + _KILL_SECONDS
    while folder.held() and time.monotonic() < deadline:
        worker = folder.worker()
        if worker is not None:
            worker.signal_group(signal.SIGKILL)
        sweep(folder.path, timeout=1.0)
        supervisor = folder.supervisor()
        if supervisor is not None and time.monotonic() > deadline - _KILL_SECONDS / 2:
            supervisor.signal(signal.SIGKILL)
        time.sleep(0.05)


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
    with storage_errors(folder.path):
        lock = try_lock(folder.lock)
        if lock is None:
            raise ConflictError(f"{info.run} is still ending", hint="Try again in a moment.")
        try:
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
            rows.set_state(ctx.db, info.id, "queued")
        finally:
            os.close(lock)
    dispatch(ctx)


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
    for info in reversed(rows.all_runs(ctx.db, state="failed")):
        end = RunFolder(ctx.home.runs / info.run).exit()
        if end is None or not end.interrupted:
            continue
        try:
            resume(ctx, info)
            resumed.append(info.run)
        except FmtuiError as error:
            refused.append((info.run, error))
    return resumed, refused
