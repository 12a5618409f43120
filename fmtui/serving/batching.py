"""Batches of whatever queued while the last batch ran."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fmtui.serving.loader import Request

Answer = Callable[[list[Request]], list[Any]]


class QueueFullError(Exception):
    """More requests wait than may. `seconds` is when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("too many requests wait")
        self.seconds = seconds


class Batcher:
    """Runs one batch at a time on a thread of its own.

    Args:
        answer: Takes requests, gives one answer or exception each; called on the thread.
        limit: Requests that may wait; a batch that runs is not counted.
    """

    def __init__(self, answer: Answer, *, limit: int) -> None:
        self._answer = answer
        self._limit = limit
        self._waiting: deque[tuple[Request, asyncio.Future[Any]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self._arrived = asyncio.Event()
        self._closing = False
        self._seconds = 0.0
        self._task = asyncio.create_task(self._work())

    def submit(self, request: Request) -> asyncio.Future[Any]:
        """The answer to come; cancel it when nobody waits any more. Raises QueueFullError."""
        if len(self._waiting) >= self._limit:
            raise QueueFullError(max(1, math.ceil(self._seconds)))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._arrived.set()
        return future

    async def close(self) -> None:
        """Answer all that waits, then end the thread."""
        self._closing = True
        self._arrived.set()
        await self._task
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch = [(r, f) for r, f in self._waiting if not f.done()]
                self._waiting.clear()
                if not batch:
                    continue
                began = time.monotonic()
                requests = [request for request, _ in batch]
                answers = await loop.run_in_executor(self._thread, self._answer, requests)
                self._seconds = time.monotonic() - began
                for (_, future), answer in zip(batch, answers, strict=True):
                    # Whoever gave up while the batch ran has canceled its future.
                    with contextlib.suppress(asyncio.InvalidStateError):
                        future.set_result(answer)
            if self._closing:
                return
