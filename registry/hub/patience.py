"""Ask a hub again when it is busy, as long as it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BUSY = (408, 429, 500, 502, 503, 504)
_WAITS = (0.5, 1.5, None)
_LONGEST = 30.0
_BROKEN = ("RemoteProtocolError", "ReadError", "WriteError")
"""By name: which HTTP client the library has depends on its version."""


def patiently(call: Callable[[], T]) -> T:
    """What `call` returns, tried again when the hub is busy or the line broke under its answer.

    A hub that can't be reached at all is asked once. Raises what `call` raises at last.
    """
    from huggingface_hub.errors import HfHubHTTPError

    for wait in _WAITS:
        try:
            return call()
        except HfHubHTTPError as error:
            if wait is None or error.response is None or error.response.status_code not in BUSY:
                raise
            asked = error.response.headers.get("retry-after", "")
            if asked.isascii() and asked.isdigit():
                wait = float(asked)
            if wait > _LONGEST:
                raise
        except Exception as error:
            if wait is None or type(error).__name__ not in _BROKEN:
                raise
        time.sleep(wait)
    raise AssertionError("the last try returns or raises")
