"""An error that nobody foresaw: its traceback goes to a file, the person gets a sentence."""

from __future__ import annotations

import contextlib
import traceback

from fmtui.errors import FmtuiError
from fmtui.paths import Home
from fmtui.services.text import one_line
from registry.redact import redact


def record(home: Home, error: BaseException) -> FmtuiError:
    """Append the traceback to the log, and return what to tell instead."""
    path = home.root / "errors.log"
    with contextlib.suppress(OSError):
        home.root.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(redact("".join(traceback.format_exception(error))))
    words = redact(one_line(str(error))) or "no more is known"
    return FmtuiError(f"{type(error).__name__}: {words}", hint=f"The details are in {path}.")
