"""Services run in threads, so that the keyboard stays alive.

The threads are kept for the next job, so that each holds one connection to the registry, and
none of them holds up the end of the program, as those of asyncio's executor would.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")
Job = Callable[[], None]

_MOST_IDLE = 4
_idle: list[SimpleQueue[Job]] = []
_whole: set[Future[Any]] = set()
"""Jobs under way that must not stay half-done."""


async def threaded(job: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Run a service in a thread and wait for it. A cancelled wait lets the service finish."""
    return await asyncio.wrap_future(_begin(lambda: job(*args, **kwargs)))


async def threaded_whole(job: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Like `threaded`, for what cleans up after itself: `finish_threads` waits for it."""
    future = _begin(lambda: job(*args, **kwargs))
    _whole.add(future)
    future.add_done_callback(_whole.discard)
    return await asyncio.wrap_future(future)


def finish_threads(seconds: float = 20.0) -> None:
    """Wait for what must not stay half-done."""
    for future in list(_whole):
        with contextlib.suppress(BaseException):
            future.exception(seconds)


def _begin(job: Callable[[], R]) -> Future[R]:
    future: Future[R] = Future()
    # A wait that is cancelled must not reach the job, which can't be stopped half-way.
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = job()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        jobs = _idle.pop()
    except IndexError:
        jobs = SimpleQueue()
        threading.Thread(target=_work, args=(jobs,), daemon=True).start()
    jobs.put(run)
    return future


def _work(jobs: SimpleQueue[Job]) -> None:
    while True:
        jobs.get()()
        if len(_idle) >= _MOST_IDLE:
            return
        _idle.append(jobs)
