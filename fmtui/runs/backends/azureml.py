"""Runs on Azure ML: a pipeline job each, followed by a process of this machine.

The run's folder is the same as at home. `azureml.json` in it names the job and its page. The
follower (`fmtui.azure.follower`) brings states, logs and metrics into the folder and writes how it
ended; where it is gone, whoever looks starts another. The job itself needs none of it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from fmtui.azure.credentials import signed_in
from fmtui.errors import FmtuiError, RemoteError, SignInError
from fmtui.paths import Home
from fmtui.runs.backends import Status
from fmtui.runs.backends.local import AFTERWARDS
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import Journal, story_of
from fmtui.runs.process import spawn_detached, try_lock, write_json
from registry.database import now

_END_SECONDS = 180.0
"""How long Azure may take to end a job that was canceled."""

_AGAIN_SECONDS = 20.0
"""A follower that could not go on is not started anew more often than this."""

_TROUBLE = "trouble.txt"
_NOBODY = "needs-sign-in"
"""Marks a run whose follower ended because nobody is signed in."""

_tried: dict[Path, int] = {}
"""How this process was signed in when it last started a follower of a run."""


class _AzureML:
    def submit(self, folder: RunFolder) -> None:
        from fmtui.azure.submission import submit

        lock = try_lock(folder.lock)
        try:
            note_job(folder, submit(folder))
        finally:
            if lock is not None:
                os.close(lock)
        follow(folder)

    def status(self, folder: RunFolder) -> Status:
        end = folder.exit()
        if end is not None:
            return Status(end.state, end.error)
        story = story_of(folder.journal)
        state = story.state or "queued"
        if state in ENDED:  # the follower is just about to write it
            state = "finalizing"
        if not folder.held() and _may_follow(folder):
            follow(folder)
        trouble = trouble_of(folder)
        return Status("not_responding", trouble) if trouble else Status(state)

    def logs(self, folder: RunFolder) -> list[Path]:
        return [folder.log]

    def cancel(self, folder: RunFolder) -> None:
        """Raises RemoteError when Azure can't be asked, or does not end the job in time."""
        from fmtui.azure.submission import cancel

        folder.cancel_request.touch()
        if not cancel(folder):
            self._close(folder, Exit("canceled", now(), "canceled"))
            return
        deadline = time.monotonic() + _END_SECONDS
        while folder.exit() is None and time.monotonic() < deadline:
            if not folder.held() and _may_follow(folder):
                follow(folder)
            time.sleep(0.2)
        if folder.exit() is None:
            raise RemoteError(
                "Azure has not ended the job yet", hint="It was told to; look again in a while."
            )

    def collect(self, folder: RunFolder) -> Exit | None:
        return folder.exit() if self.status(folder).state in ENDED else None

    def _close(self, folder: RunFolder, end: Exit) -> None:
        if folder.exit() is None:
            folder.write_exit(end)
            journal = Journal(folder.journal)
            journal.state(end.state, error=end.error)
            journal.close()


BACKEND = _AzureML()


def note_job(folder: RunFolder, studio: str) -> None:
    """Note that the job was taken, with its page in the studio."""
    write_json(folder.path / "azureml.json", {"studio": studio, "submitted": now()})


def studio_of(folder: RunFolder) -> str | None:
    """The job's page in the studio, None while it is not submitted."""
    try:
        return str(json.loads((folder.path / "azureml.json").read_text())["studio"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def trouble_of(folder: RunFolder) -> str | None:
    """Why the job can't be followed right now, None where it can."""
    try:
        return (folder.path / _TROUBLE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def tell_trouble(folder: RunFolder, error: FmtuiError | None) -> None:
    """Note why the job can't be followed; None takes that back."""
    mark = folder.path / _NOBODY
    if error is None:
        (folder.path / _TROUBLE).unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        return
    (folder.path / _TROUBLE).write_text(str(error), encoding="utf-8")
    if isinstance(error, SignInError):
        mark.touch()


def follow(folder: RunFolder) -> None:
    """Start a follower; one that finds another at work ends at once."""
    _tried[folder.path] = signed_in(folder.home)
    (folder.path / "followed").touch()
    spawn_detached(
        "fmtui.azure.follower", [str(folder.path), AFTERWARDS], log=folder.path / "follower.txt"
    )


def follow_again(home: Home) -> None:
    """Follow the runs that waited for somebody to sign in."""
    for mark in home.runs.glob(f"*/{_NOBODY}"):
        folder = RunFolder(mark.parent)
        if folder.exit() is None and not folder.held():
            follow(folder)


def _may_follow(folder: RunFolder) -> bool:
    if (folder.path / _NOBODY).exists() and folder.path in _tried:
        return _tried[folder.path] != signed_in(folder.home)  # else it would be refused again
    try:
        return time.time() - (folder.path / "followed").stat().st_mtime > _AGAIN_SECONDS
    except OSError:
        return True
