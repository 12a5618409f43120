"""How a run's processes are started: the worker itself, or the launcher of several."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from fmtui.runs import ranks
from fmtui.runs.accelerate import write_config
from fmtui.runs.folder import RunFolder
from fmtui.runs.layout import Layout

WORKER = "fmtui.workers"
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
"""What asks a worker to write a checkpoint and end; Slurm sends each of them."""

INTERRUPTIBLE = "FMTUI_INTERRUPTIBLE"
"""In the environment of a worker whose starter takes it up again: told to stop, it writes its
checkpoint and leaves the run's end to that one."""


def worker_command(
    folder: RunFolder, layout: Layout, *, machine: int = 0, address: str | None = None
) -> list[str]:
    """The words that start the run's processes on one machine.

    `address` (HOST:PORT) overrides where accelerate.yaml says that machine 0 is.
    """
    work = ["-m", _worker_module(folder), str(folder.path)]
    python = [sys.executable, "-P", "-u"]
    if not layout.several:
        return [*python, *work]
    words = [*python, "-m", "accelerate.commands.launch"]
    words += ["--config_file", str(write_config(folder, layout))]
    if layout.machines > 1:
        words += ["--machine_rank", str(machine)]
    if address is not None:
        host, _, port = address.rpartition(":")
        words += ["--main_process_ip", host, "--main_process_port", port]
    return [*words, *work]


def _worker_module(folder: RunFolder) -> str:
    """Who carries the run out: fmtui's own worker, or the module that its spec names.

    A spec may have come from elsewhere, so another module is started only where the person's
    environment names it too (FMTUI_WORKERS, names joined by commas).
    """
    wanted = str(folder.spec().get("worker", WORKER))
    allowed = os.environ.get("FMTUI_WORKERS", "").split(",")
    return wanted if wanted in allowed else WORKER


def start_workers(
    folder: RunFolder,
    *,
    env: Mapping[str, str],
    keep: Sequence[int] = (),
    machine: int = 0,
    address: str | None = None,
    output: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start the worker, or the launcher of several, leading a session of its own.

    Signals that ask for an end are held back until the worker is ready for them; a launcher never
    sees them, so that it can't kill its workers while they write a checkpoint.

    Args:
        env: Put over this process's environment.
        keep: Open files, such as locks, that it inherits.
        output: An open file for what it prints before its workers have their logs, and for what
            the launcher says of their end; this process's own where left out.
    """
    layout = Layout.of(folder.spec())
    ranks.forget(folder, layout.ranks_of(machine))
    command = worker_command(folder, layout, machine=machine, address=address)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # The launcher puts its folder on the path of what it starts: let that be an empty one.
            cwd=folder.path if layout.several else None,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", **env},
            pass_fds=tuple(keep),
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
