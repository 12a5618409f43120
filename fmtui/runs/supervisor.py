"""The supervisor of one run: `python -m fmtui.runs.supervisor FOLDER SLOTS AFTERWARDS`.

It takes the run's lock and a slot, starts the worker, waits for it, and says how it ended when
the worker could not say so itself. The worker holds the lock and the slot too, and writes its own
log and exit: killing the supervisor loses nothing. At the end it becomes the module AFTERWARDS,
which writes the run into the registry and starts what is queued.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from fmtui.runs import slots
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.process import Identity, become_subreaper, try_lock
from registry.database import now

GRACE_SECONDS = 60.0
"""How long a canceled worker may take to write its last checkpoint."""

TOKEN = "FMTUI_RUN_TOKEN"
"""In the environment of all that a worker starts, so that strays are found."""


def main() -> None:
    folder = RunFolder(Path(sys.argv[1]))
    supervise(folder, Path(sys.argv[2]))
    if len(sys.argv) > 3:
        # Locks are close-on-exec: they are free before the next module looks at them.
        home = str(folder.path.parent.parent)
        os.execv(sys.executable, [sys.executable, "-P", "-m", sys.argv[3], home])


def supervise(folder: RunFolder, slot_folder: Path) -> None:
    """Carry the run to its end; returns at once when someone else has it or no slot is free."""
    lock = try_lock(folder.lock)
    if lock is None:
        return
    slot = None
    try:
        if folder.exit() is None and not folder.was_started():
            slot = slots.take(slot_folder)
            if slot is not None:
                _carry(folder, lock, slot)
    finally:
        if slot is not None:
            os.close(slot.handle)
        os.close(lock)


def _carry(folder: RunFolder, lock: int, slot: slots.Slot) -> None:
    become_subreaper()
    identity = Identity.of(os.getpid())
    assert identity is not None
    identity.save(folder.path / "supervisor.json")
    journal = Journal(folder.journal)
    canceled = _Canceled()
    signal.signal(signal.SIGTERM, canceled)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    journal.state("starting")
    token = secrets.token_hex(16)
    worker = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "fmtui.workers", str(folder.path)],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **slot.env, TOKEN: token, "PYTHONUNBUFFERED": "1"},
        pass_fds=(lock, slot.handle),
        start_new_session=True,
    )
    known = Identity.of(worker.pid)
    if known is not None:
        known.save(folder.path / "worker.json")
    code = _wait(worker, folder, canceled)
    _sweep(token)
    if folder.exit() is None:
        folder.write_exit(_explain(code, folder))
    end = folder.exit()
    journal.state(end.state if end else "failed")
    journal.close()


class _Canceled:
    """Set by SIGTERM; a signal only sets it, so that nothing happens in a handler."""

    def __init__(self) -> None:
        self.set = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.set = True


def _wait(worker: subprocess.Popen[bytes], folder: RunFolder, canceled: _Canceled) -> int:
    """Wait for the worker and reap what it orphaned; end it when the run is canceled."""
    deadline = None
    while True:
        try:
            return worker.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ChildProcessError):
            while True:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if info is None or info.si_pid == worker.pid:
                    break
                os.waitpid(info.si_pid, 0)
        if deadline is None and (canceled.set or folder.cancel_request.exists()):
            deadline = time.monotonic() + GRACE_SECONDS
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGTERM)
        elif deadline is not None and time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def _explain(code: int, folder: RunFolder) -> Exit:
    """How a worker ended that left no exit.json."""
    resumable = folder.last_checkpoint() is not None
    if folder.cancel_request.exists():
        return Exit("canceled", now(), "canceled", resumable)
    if code < 0:
        name = signal.Signals(-code).name
        text = f"the worker was killed ({name})"
        if name == "SIGKILL":
            text += "; if nobody did that, the kernel may have run out of memory"
        return Exit("failed", now(), text + ".", resumable)
    return Exit("failed", now(), f"the worker ended with code {code}; see its log.", resumable)


def _sweep(token: str) -> None:
    """Kill what the worker left behind, also what made a session of its own."""
    needle = f"{TOKEN}={token}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


if __name__ == "__main__":
    main()
