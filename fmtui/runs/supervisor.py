"""The supervisor of one run: `python -m fmtui.runs.supervisor FOLDER AFTERWARDS`.

It takes the run's lock and a slot, starts the worker, waits for it, and says how it ended when
the worker could not say so itself. The worker holds the lock and the slot too, and writes its own
log and exit: killing the supervisor loses nothing. At the end it becomes the module AFTERWARDS,
which writes the run into the registry and starts what is queued.

The worker is the module that the spec names under `worker`, `fmtui.workers` where it names none;
it is started as `python -m MODULE FOLDER`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from fmtui.config import RunConfig, run_config
from fmtui.errors import FmtuiError
from fmtui.runs import logs, ranks, slots
from fmtui.runs.folder import FULL, Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.layout import Layout
from fmtui.runs.process import (
    AFTERWARDS,
    TOKEN,
    Identity,
    become_subreaper,
    sweep,
    token_of,
    try_lock,
)
from fmtui.runs.start import start_workers
from registry.database import now


def main() -> None:
    folder, afterwards = RunFolder(Path(sys.argv[1])), sys.argv[2]
    if supervise(folder, afterwards):
        # Locks are close-on-exec: they are free before the next module looks at them.
        command = [sys.executable, "-P", "-m", afterwards, str(folder.home.root)]
        os.execv(sys.executable, command)


def supervise(folder: RunFolder, afterwards: str) -> bool:
    """Carry the run to its end. False, at once, where that can't be: someone else has it, no slot
    is free, the disk is full. It stays queued then."""
    lock = slot = None
    try:
        lock = try_lock(folder.lock)
        if lock is None or folder.exit() is not None or folder.was_started():
            return False
        pool = slots.pool(folder.home)
        holder = slots.holder_of(folder.home, folder.path.name)
        slot = pool.take(holder, slots.needed(Layout.of(folder.spec()).on_each))
        if slot is None:
            return False
        folder.keep_reserve()
        _carry(folder, lock, slot, afterwards)
        return True
    except (OSError, ValueError, FmtuiError) as error:
        print(f"{folder.path.name} can't be started: {error}", file=sys.stderr, flush=True)
        return False
    finally:
        if slot is not None:
            slot.close()
        if lock is not None:
            os.close(lock)


def _carry(folder: RunFolder, lock: int, slot: slots.Slot, afterwards: str) -> None:
    become_subreaper()
    canceled = _Canceled()
    signal.signal(signal.SIGTERM, canceled)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    identity = Identity.of(os.getpid())  # known only now, when it can be told to end
    assert identity is not None
    identity.save(folder.path / "supervisor.json")
    journal = Journal(folder.journal)
    journal.state("starting", slot=slot.name)
    token = {TOKEN: token_of(folder.path), AFTERWARDS: afterwards}
    worker = start_workers(folder, env={**slot.env, **token}, keep=(lock, *slot.handles))
    with contextlib.suppress(OSError):  # a full disk: the worker says the same of itself
        known = Identity.of(worker.pid)
        if known is not None:
            known.save(folder.path / "worker.json")
    code = _wait(worker, folder, canceled)
    sweep(folder.path)
    # On a disk that even the reserve can't help, whoever looks next writes the end.
    with contextlib.suppress(OSError):
        logs.recover(folder.log)
        end = folder.exit()
        if end is None:
            end = explain(code, folder)
            folder.write_exit(end)
        folder.free_reserve()
        journal.state(end.state, error=end.error)
    journal.close()


class _Canceled:
    """Set by SIGTERM; a signal only sets it, so that nothing happens in a handler."""

    def __init__(self) -> None:
        self.set = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.set = True


def _wait(worker: subprocess.Popen[bytes], folder: RunFolder, canceled: _Canceled) -> int:
    """Wait for the worker and reap what it orphaned; end it when the run is canceled."""
    watch = ranks.Watch(folder, Layout.of(folder.spec()).ranks_of(0))
    deadline = None
    while True:
        try:
            return worker.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            pass
        _reap_others(worker.pid)
        watch.look()
        if deadline is None and (canceled.set or folder.cancel_request.exists()):
            deadline = time.monotonic() + grace_of(folder)
            _signal_group(worker.pid, signal.SIGTERM)
            _signal_group(worker.pid, signal.SIGCONT)  # one that is stopped must hear it too
            watch.stop()
        elif deadline is not None and time.monotonic() > deadline:
            _signal_group(worker.pid, signal.SIGKILL)


def _reap_others(worker: int) -> None:
    """Wait for the orphans that have ended, never for the worker itself."""
    with contextlib.suppress(ChildProcessError):
        while True:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if info is None or info.si_pid == worker:
                return
            os.waitpid(info.si_pid, 0)


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def grace_of(folder: RunFolder) -> float:
    """Seconds that a canceled run of this home may take for its last checkpoint."""
    try:
        return run_config(folder.home).grace
    except FmtuiError:
        return RunConfig().grace


def explain(code: int, folder: RunFolder) -> Exit:
    """How a worker ended that left no exit.json."""
    resumable = folder.last_checkpoint() is not None
    if folder.cancel_request.exists():
        return Exit("canceled", now(), "canceled", resumable)
    first = ranks.culprit(folder)
    if first is not None:
        killed = first.state == "killed"
        return Exit("failed", now(), first.sentence(), resumable, interrupted=killed)
    if code < 0:
        name = signal.Signals(-code).name
        text = f"the worker was killed ({name})"
        if name == "SIGKILL":
            text += "; if nobody did that, the kernel may have run out of memory"
        outside = name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
        return Exit("failed", now(), text + ".", resumable, interrupted=outside)
    if code in FULL:
        error = "the disk is full. Make room, then resume."
        return Exit("failed", now(), error, resumable, interrupted=True)
    return Exit("failed", now(), f"the worker ended with code {code}; see its log.", resumable)


if __name__ == "__main__":
    main()
