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
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Journal
from fmtui.runs.process import Identity
from registry.database import now

_HEARTBEAT_SECONDS = 2.0


class CanceledError(Exception):
    """The person asked for an end; raised where the work can stop cleanly."""


class Worker:
    """Handed to the work: its folder, its spec, its journal, and whether it shall stop."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.spec: dict[str, Any] = folder.spec()
        self.journal = Journal(folder.journal)
        self.stopping = threading.Event()

    def say(self, text: str) -> None:
        """A line for the log."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def check_canceled(self) -> None:
        if self.stopping.is_set():
            raise CanceledError


def carry_out(folder: RunFolder, work: Callable[[Worker], None]) -> int:
    """Run `work` and write how it ended. Returns the process's exit code."""
    _write_to(folder.log)
    worker = Worker(folder)
    identity = Identity.of(os.getpid())
    if identity is not None:
        identity.save(folder.path / "worker.json")

    def on_term(number: int, frame: FrameType | None) -> None:
        worker.stopping.set()

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_beat, args=(folder.heartbeat,), daemon=True).start()
    try:
        work(worker)
        worker.check_canceled()
        worker.say(f"done, {time.process_time():.0f} CPU seconds")
        end = Exit("completed", now())
    except CanceledError:
        worker.say("canceled")
        end = Exit("canceled", now(), "canceled", folder.last_checkpoint() is not None)
    except BaseException as error:
        traceback.print_exc()
        end = Exit("failed", now(), _sentence(error), folder.last_checkpoint() is not None)
    with contextlib.suppress(OSError):
        worker.journal.sync()
    # On a full disk this fails too; the supervisor, or whoever looks next, then writes the end.
    folder.write_exit(end)
    sys.stdout.flush()
    sys.stderr.flush()
    return 0 if end.state == "completed" else 1


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
