"""Lines for the endpoint's log: one write each to the file that stderr is, so none is torn."""

from __future__ import annotations

import os
import re
import traceback
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def log(text: str) -> None:
    """Append a line with the time; control characters are taken out."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    try:
        os.write(2, f"{when} {_CONTROL.sub('', text)}\n".encode(errors="replace"))
    except OSError:  # a full disk must not end the server
        pass


def log_error(error: BaseException) -> None:
    """Append an error with its stack."""
    log("".join(traceback.format_exception(error)).rstrip())
