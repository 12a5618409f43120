"""Copying that arrives: tmux drops a terminal's clipboard sequence by default, so ask it itself."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from textual.app import App


async def copy(app: App[Any], text: str) -> str:
    """Copy, and return the route in words: through tmux, or through the terminal."""
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX"):
        from screens.threads import threaded

        if await threaded(_through_tmux, text):
            return "through tmux"
    return "through the terminal"


def _through_tmux(text: str) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
