"""What state a run is in, proved from its folder."""

from __future__ import annotations

import time
from contextlib import suppress

from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import story_of
from fmtui.runs.process import try_lock
from registry.database import now

SILENT_SECONDS = 60.0
"""A worker whose heartbeat is older is shown as not responding."""


def state_of(folder: RunFolder) -> str:
    """The state right now: from the exit file, else from who holds the lock, else the journal.

    A run whose processes died without an exit file is given one here, under its lock, so that
    everyone who looks sees the same end.
    """
    end = folder.exit()
    if end is not None:
        return end.state
    if not folder.held():
        if not folder.was_started():
            return "queued"
        return close_lost(folder).state
    if _silent(folder):
        return "not_responding"
    story = story_of(folder.journal)
    return story.state if story.state in ("starting", "running", "finalizing") else "starting"


def close_lost(folder: RunFolder) -> Exit:
    """Write the end of a run whose processes are all gone; whoever comes first writes it."""
    import os

    lock = try_lock(folder.lock)
    end = folder.exit()
    if end is None:
        end = Exit(
            "canceled" if folder.cancel_request.exists() else "failed",
            now(),
            "the supervisor and the worker are gone (killed, or the machine went down).",
            folder.last_checkpoint() is not None,
        )
        if lock is not None:
            with suppress(OSError):
                folder.write_exit(end)
    if lock is not None:
        os.close(lock)
    return end


def _silent(folder: RunFolder) -> bool:
    try:
        return time.time() - folder.heartbeat.stat().st_mtime > SILENT_SECONDS
    except OSError:
        return False
