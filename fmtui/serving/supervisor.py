"""Keeps an endpoint's server alive: `python -m fmtui.serving.supervisor FOLDER`.

It outlives whoever started it. A server that it finds alive (its own supervisor was killed) it
adopts; one that ends it starts again, a little later each time, until it gives up and writes why.
It holds nothing that the server needs: killed, the server goes on.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from fmtui.runs.process import Identity, try_lock, write_json
from fmtui.serving.definition import EndpointFolder
from fmtui.serving.log import log
from fmtui.serving.server import PORT_TAKEN

QUICK_DEATHS = 5
"""After as many quick deaths in a row it gives up."""

QUICK_SECONDS = 20.0
"""A server that ended sooner than this ended quickly."""

FIRST_PAUSE = 0.1

LOOK_SECONDS = 5.0
"""How often it looks whether its folder is still there."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a server ended. `status` is None where it was adopted and nobody can know."""

    status: int | None
    seconds: float

    def sentence(self) -> str:
        if self.status is None:
            return "the server ended"
        if self.status < 0:
            return f"the server was ended by {signal.Signals(-self.status).name}"
        return f"the server ended with status {self.status}"


def main() -> None:
    folder = EndpointFolder(Path(sys.argv[1]))
    # Children inherit it: a server that hears of a change before it can act reads it anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lock = try_lock(folder.supervisor_lock)
    except FileNotFoundError:  # the endpoint was removed meanwhile
        return
    identity = Identity.of(os.getpid())
    if lock is None or identity is None:
        return
    identity.save(folder.supervisor_file)
    reason = supervise(folder)
    # In this order, so that nobody takes a supervisor that is ending for one that is at work.
    folder.supervisor_file.unlink(missing_ok=True)
    if reason is not None:
        log(f"giving up: {reason}")
        write_json(folder.failure_file, {"reason": reason})


def supervise(folder: EndpointFolder) -> str | None:
    """Until the endpoint is no longer wanted, or its server can't be kept alive: then why."""
    deaths = 0
    while (definition := folder.read()) is not None and definition.wanted == "running":
        ending = watch(folder)
        if ending is None:
            continue
        definition = folder.read()
        reason = folder.last_line()
        if definition is None or definition.wanted != "running":
            return None
        if ending.status == PORT_TAKEN:
            return reason or f"port {definition.port} can't be had"
        deaths = deaths + 1 if ending.seconds < QUICK_SECONDS else 0
        if deaths >= QUICK_DEATHS:
            return f"{ending.sentence()} {deaths} times in a row; last: {reason}"
        pause = FIRST_PAUSE * 2**deaths
        log(f"{ending.sentence()}; starting it again in {pause:.1f} s")
        time.sleep(pause)
    return None


def watch(folder: EndpointFolder) -> Ending | None:
    """Wait for the end of the server that lives, or of a new one; None when neither is there."""
    lock = try_lock(folder.server_lock)
    if lock is None:
        return adopt(folder)
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "fmtui.serving.server", str(folder.path), str(lock)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, pass_fds=[lock], start_new_session=True
    )
    os.close(lock)  # the server alone holds it now
    while True:
        try:
            return Ending(process.wait(timeout=LOOK_SECONDS), time.monotonic() - began)
        except subprocess.TimeoutExpired:
            # Someone deleted the home by hand: nothing is left to serve from, or to be asked by.
            if not folder.path.exists():
                process.terminate()


def adopt(folder: EndpointFolder) -> Ending | None:
    """Wait for the end of a server that another supervisor started."""
    server = folder.server()
    if server is None or not server.alive():
        time.sleep(0.05)  # it is just starting, or just ending
        return None
    began = time.monotonic()
    try:
        handle = os.pidfd_open(server.pid)
    except ProcessLookupError:
        return Ending(None, 0.0)
    try:
        if server.alive():
            log(f"watching over the server {server.pid}, which was already there")
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            while not poll.poll(LOOK_SECONDS * 1000):
                if not folder.path.exists():
                    server.signal(signal.SIGTERM)
    finally:
        os.close(handle)
    return Ending(None, time.monotonic() - began)


if __name__ == "__main__":
    main()
