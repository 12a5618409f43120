"""What state a run is in, proved from its folder."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from fmtui.runs import logs
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Journal, story_of
from fmtui.runs.process import boot_id, try_lock
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
        # The supervisor holds on until all that the run started is gone.
        return "finalizing" if end.state == "canceled" and folder.held() else end.state
    if not folder.held():
        if not folder.was_started():
            return "queued"
        end = close_lost(folder)
        if end is not None:
            return end.state
    if is_silent(folder):
        return "not_responding"
    story = story_of(folder.journal)
    return story.state if story.state in ("starting", "running", "finalizing") else "starting"


def close_lost(folder: RunFolder) -> Exit | None:
    """Write the end of a run whose processes are all gone; whoever comes first writes it.

    None when somebody has just taken it up again.
    """
    lock = try_lock(folder.lock)
    if lock is None:
        return folder.exit()
    try:
        end = folder.exit()
        if end is None and folder.was_started():
            end = _lost(folder)
            with suppress(OSError):  # a full disk: it is written by who looks when there is room
                logs.recover(folder.log)
                folder.write_exit(end)
                journal = Journal(folder.journal)
                journal.state(end.state, error=end.error)
                journal.close()
        return end
    finally:
        os.close(lock)


def _lost(folder: RunFolder) -> Exit:
    resumable = folder.last_checkpoint() is not None
    if folder.cancel_request.exists():
        return Exit("canceled", now(), "canceled", resumable)
    known = folder.worker() or folder.supervisor()
    if known is not None and known.boot != boot_id():
        error = "interrupted: the machine was restarted while it ran."
    else:
        error = "the supervisor and the worker are gone (killed, or the machine went down)."
    return Exit("failed", now(), error, resumable, interrupted=True)


def is_silent(folder: RunFolder) -> bool:
    """Whether the worker gave no sign of life for a while, though it did once."""
    try:
        # One from the future was made before the clock was set back.
        return abs(time.time() - folder.heartbeat.stat().st_mtime) > SILENT_SECONDS
    except OSError:
        return False
