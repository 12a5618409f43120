"""Fetch one file of a hub into a place of its own: by byte range, over several connections.

What came is kept when the line, the process or the machine ends, and the next try asks only for
the rest. The content is known by its hash, so a part of it stays right whatever serves the rest.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from registry.errors import RemoteError
from registry.hub.partial import Partial
from registry.hub.patience import BUSY
from registry.progress import Meter

_CHUNK = 1 << 18
_TRIES = 5
_LONGEST_WAIT = 60.0


class WrongLengthError(Exception):
    """The server's file is not as long as the hub lists it."""


class _StoppedError(Exception):
    """Another connection failed, or the person has had enough."""


class Fetch:
    """The bytes that `partial` lacks, from `url`.

    Args:
        url: Where the hub's file is; it may redirect to another host.
        headers: Sent to the hub alone, never to another host: they hold the token.
        seconds: How long to wait for a connection or for the next bytes.
    """

    def __init__(self, url: str, headers: dict[str, str], partial: Partial, seconds: float) -> None:
        self._url = url
        self._headers = headers
        self._partial = partial
        self._stop = threading.Event()
        self._told: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
        self._sockets: set[socket.socket] = set()
        self._whole = False
        self._client = httpx.Client(timeout=seconds, follow_redirects=False, trust_env=True)

    def run(self, advance: Meter) -> None:
        """Fetch all that is missing. What `advance` raises ends it, and what came is kept.

        Raises:
            RemoteError: the server is too busy, cuts the line again and again, or refuses.
            WrongLengthError: it is another file.
            OSError: the disk is full.
        """
        if had := sum(self._partial.done):
            advance(had, had=True)
        try:
            for _ in range(_TRIES):
                if self._all_parts(advance):
                    return
                advance(-sum(self._partial.done), had=True)
                self._partial.restart()
                self._whole = True
            raise _broken(self._url)
        finally:
            self._client.close()

    def _all_parts(self, advance: Meter) -> bool:
        """Run a thread for each part. False when the server sends no ranges."""
        lacking = [
            part
            for part in range(len(self._partial.spans))
            if self._partial.missing(part)[0] < self._partial.missing(part)[1]
        ]
        threads = [
            threading.Thread(target=self._thread, args=(part,), daemon=True) for part in lacking
        ]
        self._stop.clear()
        for thread in threads:
            thread.start()
        try:
            ended, ranges = 0, True
            while ended < len(threads):
                told = self._told.get()
                if isinstance(told, int):
                    advance(told)
                    continue
                ended += 1
                if isinstance(told, _NoRangesError):
                    ranges = False
                    self._end()
                elif told is not None and not (isinstance(told, _StoppedError) and not ranges):
                    raise told
            return ranges
        finally:
            self._end()
            for thread in threads:
                thread.join()
            while not self._told.empty():
                self._told.get()

    def _end(self) -> None:
        self._stop.set()
        for connection in list(self._sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _thread(self, part: int) -> None:
        try:
            self._fetch(part)
        except BaseException as error:
            self._told.put(_StoppedError() if self._stop.is_set() else error)
        else:
            self._told.put(None)

    def _fetch(self, part: int) -> None:
        failures = 0
        while True:
            start, end = self._partial.missing(part)
            if start >= end:
                return
            if self._stop.is_set():
                raise _StoppedError
            try:
                self._some(part, start, end)
                wait = 0.2 * failures
            except _BusyError as busy:
                wait = busy.wait if busy.wait is not None else 0.5 * 2**failures
                if wait > _LONGEST_WAIT or failures + 1 >= _TRIES:
                    raise busy.sentence from busy
            except httpx.TransportError as error:
                wait = 0.2 * 2**failures
                if failures + 1 >= _TRIES:
                    raise _broken(self._url) from error
            # A line that brought something is a good one, however often it breaks.
            failures = 0 if self._partial.missing(part)[0] > start else failures + 1
            if failures >= _TRIES:
                raise RemoteError("the hub sends nothing", hint="Try again in a while.")
            if self._partial.missing(part)[0] < end and self._stop.wait(wait):
                raise _StoppedError

    def _some(self, part: int, start: int, end: int) -> None:
        asked = {} if self._whole else {"Range": f"bytes={start}-{end - 1}"}
        with self._open(asked) as response:
            if response.status_code == 206:
                self._check_range(response, start)
            elif start or end < self._partial.size:
                raise _NoRangesError
            elif self._length(response) not in (None, self._partial.size):
                raise WrongLengthError
            for chunk in response.iter_raw(_CHUNK):
                if self._stop.is_set():
                    raise _StoppedError
                self._partial.write(part, chunk)
                self._told.put(len(chunk))
                if self._partial.missing(part)[0] >= end:
                    return

    def _check_range(self, response: httpx.Response, start: int) -> None:
        span, _, total = response.headers.get("content-range", "").partition("/")
        if total not in ("*", str(self._partial.size)):
            raise WrongLengthError
        if not span.removeprefix("bytes ").startswith(f"{start}-"):
            raise _NoRangesError

    @staticmethod
    def _length(response: httpx.Response) -> int | None:
        length = response.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    @contextmanager
    def _open(self, asked: dict[str, str]) -> Iterator[httpx.Response]:
        url, hub = httpx.URL(self._url), httpx.URL(self._url)
        for _ in range(8):
            own = (url.scheme, url.netloc) == (hub.scheme, hub.netloc)
            headers = (self._headers if own else {}) | asked | {"Accept-Encoding": "identity"}
            with self._client.stream("GET", url, headers=headers) as response:
                if response.next_request is not None:
                    url = response.next_request.url
                    continue
                self._accept(response)
                connection = _socket(response)
                if connection is not None:
                    self._sockets.add(connection)
                try:
                    yield response
                finally:
                    self._sockets.discard(connection)
                return
        raise RemoteError("the hub redirects without end", hint="Is HF_ENDPOINT right?")

    def _accept(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        host = response.url.host
        if status == 416:
            raise WrongLengthError
        sentence = RemoteError(
            f"{host} answered {status}", hint="What came is kept; try again in a while."
        )
        # An address that was signed for a while has run out: the hub gives a new one.
        expired = status in (401, 403) and response.url.host != httpx.URL(self._url).host
        if status in BUSY or expired:
            raise _BusyError(sentence, _retry_after(response))
        raise sentence


def _broken(url: str) -> RemoteError:
    return RemoteError(
        f"the line to {urlsplit(url).hostname} broke again and again",
        hint="What came is kept; try again and it goes on from there.",
    )


class _NoRangesError(Exception):
    """The server sends whole files only."""


class _BusyError(Exception):
    def __init__(self, sentence: RemoteError, wait: float | None) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence
        self.wait = wait


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait as the server asks, None where it doesn't."""
    value = response.headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _socket(response: httpx.Response) -> socket.socket | None:
    stream: Any = response.extensions.get("network_stream")
    found = stream.get_extra_info("socket") if stream is not None else None
    return found if isinstance(found, socket.socket) else None
