"""What every worker does around its work: identity, heartbeat, journal, signals, the last word."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from fmtui.errors import FmtuiError
from fmtui.runs import ranks
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.layout import INTERRUPTIBLE, STOP_SIGNALS, Layout
from fmtui.runs.process import Identity
from registry.database import now

_HEARTBEAT_SECONDS = 2.0


class CanceledError(Exception):
    """The person asked for an end; raised where the work can stop cleanly."""


class Worker:
    """Handed to the work: its folder, its spec, its journal, and whether it shall stop.

    Where a run has several processes each has a Worker; `rank` tells them apart, and only that of
    rank 0 writes into the journal.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.spec: dict[str, Any] = folder.spec()
        self.several = Layout.of(self.spec).several
        self.rank = int(os.environ["RANK"]) if self.several else 0
        self.journal = Journal(folder.journal if self.main else Path(os.devnull))
        self.stopping = threading.Event()

    @property
    def main(self) -> bool:
        return self.rank == 0

    def say(self, text: str) -> None:
        """A line for the log."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def check_canceled(self) -> None:
        if self.stopping.is_set():
            raise CanceledError


def carry_out(folder: RunFolder, work: Callable[[Worker], None]) -> int:
    """Run `work` and write how it ended. Returns the process's exit code."""
    worker = Worker(folder)
    _write_to(ranks.log_of(folder, worker.rank))
    _be_known(worker)
    _listen(worker)
    try:
        work(worker)
        worker.check_canceled()
        worker.say(f"done, {time.process_time():.0f} CPU seconds")
        end = Exit("completed", now())
    except CanceledError:
        worker.say("canceled" if folder.cancel_request.exists() else "told to stop")
        end = Exit("canceled", now(), "canceled", folder.last_checkpoint() is not None)
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        if worker.several and _is_echo(error):
            ranks.end(folder, worker.rank, "echo", _sentence(error))
            return 1
        end = Exit("failed", now(), _sentence(error), folder.last_checkpoint() is not None)
    with contextlib.suppress(OSError):
        worker.journal.sync()
    code = _last_word(worker, end)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _be_known(worker: Worker) -> None:
    """Write who this is, and go on proving that it is alive."""
    if worker.several:
        ranks.die_with_launcher()
        ranks.begin(worker.folder, worker.rank)
    if worker.main:
        identity = Identity.of(os.getpid())
        if identity is not None:
            identity.save(worker.folder.path / "worker.json")
        threading.Thread(target=_beat, args=(worker.folder.heartbeat,), daemon=True).start()


def _listen(worker: Worker) -> None:
    """From here on a signal only asks for a stop; those that came before were held back."""

    def on_stop(number: int, frame: FrameType | None) -> None:
        worker.stopping.set()

    for number in STOP_SIGNALS:
        signal.signal(number, on_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    if worker.folder.cancel_request.exists():
        worker.stopping.set()


def _last_word(worker: Worker, end: Exit) -> int:
    """Write the end where it belongs: rank 0 speaks for the run, the others for themselves."""
    folder, error = worker.folder, end.error if end.state == "failed" else None
    code = 1 if end.state == "failed" else 0
    if worker.main:
        asked = end.state != "canceled" or folder.cancel_request.exists()
        if not asked and os.environ.get(INTERRUPTIBLE):
            return 0
        # On a full disk this fails too; the supervisor, or whoever looks next, then writes the end.
        folder.write_exit(end)
        code = 0 if end.state == "completed" or worker.several else 1
    if worker.several:
        ranks.end(folder, worker.rank, "failed" if error else "ended", error)
    return code


def _is_echo(error: BaseException) -> bool:
    """Whether it failed only because a process that it was talking to is gone."""
    text = f"{type(error).__name__} {error}".lower()
    words = ("connection closed by peer", "connection reset", "gloo", "nccl", "distnetworkerror")
    return isinstance(error, RuntimeError) and any(word in text for word in words)


def _write_to(log: Path) -> None:
    """stdout and stderr go to the file itself: no pipe, so nobody's death loses a line."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _beat(path: Path) -> None:
    while True:
        with contextlib.suppress(OSError):
            path.touch()
        time.sleep(_HEARTBEAT_SECONDS)


def _sentence(error: BaseException) -> str:
    if isinstance(error, FmtuiError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full. Make room, then resume."
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    if isinstance(error, MemoryError) or "out of memory" in first.lower():
        return "out of memory. Lower per_device_train_batch_size or max_seq_length, then resume."
    if "No space left on device" in str(error):
        return "the disk is full. Make room, then resume."
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
