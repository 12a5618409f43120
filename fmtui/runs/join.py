"""A further machine of a run that several machines carry: its processes, until the run ends.

The machine that the run was started on is number 0; all machines see the same home, so all that a
further one needs is the run's folder and where machine 0 is (accelerate.yaml says it).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from types import FrameType

from fmtui.errors import ConflictError, RunFailedError, UsageError
from fmtui.runs import ranks
from fmtui.runs.folder import RunFolder
from fmtui.runs.layout import Layout
from fmtui.runs.process import TOKEN, token_of
from fmtui.runs.start import start_workers

_END_SECONDS = 30.0
"""How long the processes here may outlast the run."""


def join(
    folder: RunFolder,
    machine: int,
    *,
    address: str | None = None,
    started: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Carry the ranks of `machine`; returns when they are done.

    Args:
        address: HOST:PORT of machine 0, where accelerate.yaml has another one.
        started: Whether machine 0 is at work; raises when it has ended.
        say: Told what is waited for.

    Raises:
        UsageError: The run has no such machine.
        ConflictError: The run has ended before this machine was there.
        RunFailedError: A process here failed.
    """
    layout = Layout.of(folder.spec())
    if not 1 <= machine < layout.machines:
        raise UsageError(
            f"{folder.path.name} has no machine {machine} to join",
            hint=f"It has {layout.machines}; number 0 is the one that it was started on.",
        )
    stop = _Stop()
    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        say(f"machine {machine} of {folder.path.name} waits for machine 0")
        while not started():
            if stop.set:
                return
            time.sleep(0.2)
        say(f"ranks {_words(layout.ranks_of(machine))} start")
        _carry(folder, layout.ranks_of(machine), machine, address, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stop:
    """Set by a signal: all processes of the run then write a checkpoint and end."""

    def __init__(self) -> None:
        self.set = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.set = True


def _carry(
    folder: RunFolder, numbers: range, machine: int, address: str | None, stop: _Stop
) -> None:
    token = {TOKEN: token_of(folder.path)}
    # A launcher whose worker dies prints its traceback: that is for the log.
    with ranks.log_of(folder, numbers[0]).open("ab") as log:
        worker = start_workers(
            folder, env=token, machine=machine, address=address, output=log.fileno()
        )
    watch = ranks.Watch(folder, numbers)
    deadline = None
    while True:
        try:
            worker.wait(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            watch.look()
        if stop.set:
            watch.stop()
        if deadline is None and folder.exit() is not None:
            deadline = time.monotonic() + _END_SECONDS
        elif deadline is not None and time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # its ranks die with it
    watch.look()
    for rank in ranks.all_ranks(folder):
        if rank.rank in numbers and rank.state in ("failed", "killed"):
            raise RunFailedError(rank.sentence())


def waits_for(folder: RunFolder) -> str | None:
    """What a run that is starting waits for: machines that are to join it; None where for none."""
    try:
        others = Layout.of(folder.spec()).machines - 1
    except (OSError, ValueError, TypeError):
        return None
    if others < 1 or any(rank.state == "running" for rank in ranks.all_ranks(folder)):
        return None
    run = folder.path.name
    if others == 1:
        return f"waits for the other machine: `fmtui run join {run}` there"
    return f"waits for {others} other machines: `fmtui run join {run} --machine N` on each"


def _words(numbers: range) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def already_ended(folder: RunFolder, state: str) -> ConflictError:
    return ConflictError(
        f"{folder.path.name} has ended: {state}", hint="Resume it, then join it again."
    )
