"""Threads: kept for the next job, never in the way of leaving, waited for where it matters."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fmtui.services import runs
from fmtui.services.context import Context
from screens.threads import _MOST_IDLE, finish_threads, threaded, threaded_whole


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_what_is_asked_every_second_opens_no_more_and_more_files(here: Context) -> None:
    together = threading.Barrier(_MOST_IDLE)

    def first() -> None:
        together.wait(20)  # so that every idle thread, also of earlier tests, has its connection
        runs.list_runs(here)

    await asyncio.gather(*(threaded(first) for _ in range(_MOST_IDLE)))
    before = open_files()
    for _ in range(50):
        await threaded(runs.list_runs, here)
    assert open_files() <= before + 2


async def test_an_error_comes_back_to_who_asked() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await threaded(fail)


async def test_a_wait_that_is_given_up_lets_the_job_finish() -> None:
    go, done = threading.Event(), threading.Event()

    def job() -> None:
        go.wait(20)
        done.set()

    waiting = asyncio.create_task(threaded_whole(job))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    finish_threads()
    assert done.is_set()


def test_a_job_that_never_ends_does_not_keep_the_program() -> None:
    program = (
        "import asyncio, threading\n"
        "from screens.threads import threaded\n"
        "async def main():\n"
        "    task = asyncio.create_task(threaded(threading.Event().wait))\n"
        "    await asyncio.sleep(0)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
