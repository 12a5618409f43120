"""Runs on this machine: a supervisor each, as many at once as there are slots."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from fmtui.errors import ConflictError
from fmtui.runs import ranks
from fmtui.runs.backends import Status
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.process import spawn_detached, sweep, try_lock
from fmtui.runs.state import state_of
from fmtui.runs.supervisor import grace_of
from registry.database import now

AFTERWARDS = "fmtui.services.settle"
"""What a supervisor becomes at its end; named, not imported: it lies above."""

_KILL_SECONDS = 10.0
"""How long what was killed may take to be gone."""


class _Local:
    def submit(self, folder: RunFolder) -> None:
        spawn_detached(
            "fmtui.runs.supervisor", [str(folder.path), AFTERWARDS], log=folder.log, scope=True
        )

    def status(self, folder: RunFolder) -> Status:
        state = state_of(folder)
        end = folder.exit()
        return Status(state, end.error if end else None)

    def logs(self, folder: RunFolder) -> list[Path]:
        numbers = [rank.rank for rank in ranks.all_ranks(folder) if rank.rank]
        return [folder.log, *(ranks.log_of(folder, number) for number in numbers)]

    def cancel(self, folder: RunFolder) -> None:
        """Raises ConflictError when a process of it can't be killed."""
        folder.cancel_request.touch()
        lock = try_lock(folder.lock)
        if lock is None:
            _end_processes(folder)
            lock = try_lock(folder.lock)
        # Nobody carries it: it has ended now, or it was queued, or was killed before it began.
        try:
            sweep(folder.path)
            if lock is not None and folder.exit() is None:
                resumable = folder.last_checkpoint() is not None
                folder.write_exit(Exit("canceled", now(), "canceled", resumable))
        finally:
            if lock is not None:
                os.close(lock)

    def collect(self, folder: RunFolder) -> Exit | None:
        return folder.exit() if self.status(folder).state in ENDED else None


BACKEND = _Local()


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
