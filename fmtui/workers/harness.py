"""What every worker does around its work: identity, heartbeat, journal, signals, the last word."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from fmtui.config import RunConfig, run_config
from fmtui.errors import FmtuiError
from fmtui.runs import logs, ranks
from fmtui.runs.checkpoints import checkpoint_step, drop_incomplete
from fmtui.runs.folder import FULL, Exit, RunFolder
from fmtui.runs.journal import Journal, Story
from fmtui.runs.layout import Layout
from fmtui.runs.process import AFTERWARDS, Identity, spawn_detached
from fmtui.runs.start import INTERRUPTIBLE, STOP_SIGNALS
from fmtui.workers import resources
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
        """A line for the log, in one write: a kill leaves all of it or nothing."""
        print(f"{time.strftime('%H:%M:%S')} {text}\n", end="", flush=True)

    def resume_from(self) -> Path | None:
        """The checkpoint to go on from, None where the work begins at its beginning.

        Half ones are deleted. The journal is told, so that what an earlier attempt measured after
        that checkpoint does not count twice. Call it once, in rank 0.
        """
        drop_incomplete(self.folder.checkpoints)
        last = self.folder.last_checkpoint()
        step = checkpoint_step(last) if last else 0
        if last is not None or Story(self.folder.journal).read().started:
            self.journal.write("resumed", step=step)
            self.say(f"resumed from step {step}" if last else "begins again: no checkpoint")
        return last

    def tell_disk(self) -> None:
        """Note what lies in the run's folder now, where it is most: samples would miss that."""
        taken = float(resources.bytes_in(self.folder.path))
        self.journal.write("resource", values={"disk_bytes": taken})

    def check_canceled(self) -> None:
        if self.stopping.is_set():
            raise CanceledError


def carry_out(folder: RunFolder, work: Callable[[Worker], None]) -> int:
    """Run `work` and write how it ended. Returns the process's exit code."""
    worker = Worker(folder)
    logs.write_here(ranks.log_of(folder, worker.rank))
    _be_known(worker)
    _listen(worker)
    try:
        work(worker)
        worker.check_canceled()
        worker.say(f"done, {time.process_time():.0f} CPU seconds")
        end = Exit("completed", now())
    except CanceledError:
        end = _stopped(folder)
        _try(worker.say, end.error or "")
    except BaseException as error:
        _try(traceback.print_exc)
        if worker.several and _is_echo(error):
            ranks.end(folder, worker.rank, "echo", _sentence(error))
            return 1
        full = is_full(error)
        end = Exit("failed", now(), _sentence(error), folder.last_checkpoint() is not None, full)
    _try(worker.journal.sync)
    code = _last_word(worker, end)
    _try(sys.stdout.flush)
    _try(sys.stderr.flush)
    return code


def _try(action: Callable[..., None], *values: object) -> None:
    """Do what can't be done on a full disk, which must not keep the end from being written."""
    with contextlib.suppress(OSError):
        action(*values)


def _stopped(folder: RunFolder) -> Exit:
    """The end of a run that was told to stop: by a person, or because the machine goes down."""
    resumable = folder.last_checkpoint() is not None
    if folder.cancel_request.exists():
        return Exit("canceled", now(), "canceled", resumable)
    error = "interrupted: it was told to end (SIGTERM), as when the machine goes down."
    return Exit("failed", now(), error, resumable, interrupted=True)


def _be_known(worker: Worker) -> None:
    """Write who this is, and go on proving that it is alive."""
    if worker.several:
        ranks.die_with_launcher()
        ranks.begin(worker.folder, worker.rank)
    if worker.main:
        identity = Identity.of(os.getpid())
        if identity is not None:
            identity.save(worker.folder.path / "worker.json")
    threading.Thread(target=_beat, args=(worker,), daemon=True).start()
    if worker.main:
        resources.watch(worker.journal, worker.folder.path, several=worker.several)


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
    folder = worker.folder
    told = worker.stopping.is_set() and (end.state == "canceled" or end.interrupted)
    error = end.error if end.state == "failed" and not told else None
    code = 1 if error else 0
    if worker.main:
        if told and os.environ.get(INTERRUPTIBLE) and not folder.cancel_request.exists():
            return 0
        try:
            folder.write_exit(end)
        except OSError as fault:
            # Not even the reserve helped: the supervisor, or whoever looks next, writes the end.
            return fault.errno or 1
        code = 0 if end.state == "completed" or worker.several else 1
        _hand_over(folder)
    if worker.several:
        ranks.end(folder, worker.rank, "failed" if error else "ended", error)
    return code


def _hand_over(folder: RunFolder) -> None:
    """Where the supervisor is gone, start what it would have become at the end."""
    module, supervisor = os.environ.get(AFTERWARDS), folder.supervisor()
    if module and (supervisor is None or not supervisor.alive()):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            arguments = [str(folder.home.root), folder.path.name]
            spawn_detached(module, arguments, log=folder.log, scope=True)


def _is_echo(error: BaseException) -> bool:
    """Whether it failed only because a process that it was talking to is gone."""
    text = f"{type(error).__name__} {error}".lower()
    words = ("connection closed by peer", "connection reset", "gloo", "nccl", "distnetworkerror")
    return isinstance(error, RuntimeError) and any(word in text for word in words)


def _beat(worker: Worker) -> None:
    """Prove that this process is alive, and begin a new part of its log when one is full."""
    log = ranks.log_of(worker.folder, worker.rank)
    try:
        config = run_config(worker.folder.home)
    except FmtuiError:
        config = RunConfig()
    while True:
        with contextlib.suppress(OSError):
            if worker.main:
                worker.folder.heartbeat.touch()
            gone = logs.rotate(log, limit=config.log_bytes, keep=config.log_parts)
            if gone:
                first = logs.dropped(log)
                worker.journal.write("note", message=f"the first {first} parts of the log are gone")
        time.sleep(_HEARTBEAT_SECONDS)


def is_full(error: BaseException) -> bool:
    """Whether it failed because the disk is full, whoever says it in which words."""
    return (isinstance(error, OSError) and error.errno in FULL) or (
        "No space left on device" in str(error)
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, FmtuiError):
        return str(error)
    if is_full(error):
        return "the disk is full. Make room, then resume."
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    if isinstance(error, MemoryError) or "out of memory" in first.lower():
        return "out of memory. Lower per_device_train_batch_size or max_seq_length, then resume."
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
