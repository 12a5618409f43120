"""The follower of one run on Azure ML: `python -m fmtui.azure.follower FOLDER AFTERWARDS`.

It holds the run's lock, and until the job has ended it brings the job's state, its steps, their
logs and metrics into the run's folder. Killing it loses nothing: how far each log was read is
noted, and the next follower goes on from there. Where nobody is signed in any more it says so and
ends; the next is started by who signs in. At the end it becomes the module AFTERWARDS,
which writes the run into the registry.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmtui.azure import jobs, results
from fmtui.azure.history import History, Step
from fmtui.azure.submission import connection_of, job_of
from fmtui.errors import FmtuiError, NotFoundError, RemoteError, RunFailedError, SignInError
from fmtui.runs.backends.azureml import tell_trouble
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import Journal, story_of
from fmtui.runs.process import try_lock, write_json
from registry.database import now

_SECONDS = (2.0, 15.0)
"""Between two looks: at first, and after some minutes."""

_MISSED = 3
"""So often the history may not answer until it is done without: the job itself says its state."""

_TRIES = 3
"""So often the figures of an evaluation are asked for."""

_IN_FLIGHT_SECONDS = 60.0
"""So long after its maker was killed a request may still be on its way, and become a job."""


def _pause(begun: float) -> float:
    chosen = os.environ.get("FMTUI_AZURE_POLL_SECONDS")
    if chosen:
        return float(chosen)
    return _SECONDS[0] if time.monotonic() - begun < 180 else _SECONDS[1]


@dataclass
class Follower:
    """What is known of the job so far, kept in `followed.json`: log offsets and states of steps."""

    folder: RunFolder
    offsets: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    missed: int = 0
    tried: int = 0

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            values = json.loads((self.folder.path / "followed.json").read_text())
            self.offsets, self.states = values["offsets"], values["states"]
            self.points = values["points"]
        self.journal = Journal(self.folder.journal)
        self.history = History(connection_of(self.folder))
        self.job = job_of(self.folder)

    def look(self, job: Any) -> str:
        """Bring everything that is new; returns the job's state as we call it.

        Args:
            job: The job as the SDK shows it. It says the state where there is no history of it.

        Raises RemoteError when Azure can't be asked.
        """
        connection = connection_of(self.folder)
        if connection is not self.history.connection:  # signed in anew, or a token was refused
            self.history = History(connection)
        before = story_of(self.folder.journal).state or "queued"
        try:
            status, reason = self.history.status(self.job)
            steps = self._steps(job, status or jobs.status_of(job))
            for step in steps:
                self._tell(step)
                self._read_logs(step)
            self._read_metrics(steps)
            self._save()
            self.missed = 0
        except SignInError:
            raise
        except FmtuiError as error:
            self.missed += 1
            if not isinstance(error, NotFoundError) and self.missed < _MISSED:
                raise
            status, reason, steps = jobs.status_of(job), None, []
        state = jobs.state_of(status or jobs.status_of(job), before)
        if state not in ENDED and state != before:
            self.journal.state(state)
        if state == "failed":
            self.reason = reason or self._reason(steps)
        return state

    def _steps(self, job: Any, status: str) -> list[Step]:
        """The steps of a pipeline; a job without any, or whose steps are not told, is one itself
        as soon as it can't get any more."""
        steps: list[Step] = []
        with contextlib.suppress(NotFoundError):
            steps = self.history.steps(self.job)
        over = jobs.state_of(status, "") in ENDED
        if not steps and (over or str(getattr(job, "type", "pipeline")) != "pipeline"):
            return [Step(self.job, str(getattr(job, "type", None) or "job"), status)]
        return steps

    def _tell(self, step: Step) -> None:
        if self.states.get(step.id) != step.status:
            self.states[step.id] = step.status
            self._log(f"{step.name}: {step.status}\n".encode())

    def _read_logs(self, step: Step) -> None:
        over = jobs.state_of(step.status, "") in ENDED
        for name, url in self.history.log_files(step.id).items():
            while not self._read(f"{step.id}/{name}", url, to_the_end=over):
                time.sleep(0.2)

    def _read(self, key: str, url: str, *, to_the_end: bool) -> bool:
        """Bring what is new of a log, in whole lines; False where it is over and was cut."""
        content, whole = self.history.read(url, self.offsets.get(key, 0))
        if not (to_the_end and whole):  # the line at the end may go on
            content = content[: content.rfind(b"\n") + 1]
        if content:
            self._log(content)
            self.offsets[key] = self.offsets.get(key, 0) + len(content)
            self._save()
        return whole or not to_the_end

    def _read_metrics(self, steps: list[Step]) -> None:
        for step in steps:
            with contextlib.suppress(FmtuiError):  # a step without metrics answers an error
                self._note(step, self.history.metrics(step.id))

    def _note(self, step: Step, curves: dict[str, list[tuple[int, float]]]) -> None:
        for name, points in curves.items():
            key = f"{step.id}/{name}"
            split, plain = results.split_of(name)
            for at, value in points[self.points.get(key, 0) :]:
                self.journal.metrics(at, None, split, {plain: value})
            self.points[key] = max(len(points), self.points.get(key, 0))

    def _reason(self, steps: list[Step]) -> str:
        """What the step that failed says, its name first."""
        for step in steps:
            if jobs.state_of(step.status, "") == "failed":
                with contextlib.suppress(FmtuiError):
                    _, reason = self.history.status(step.id)
                    return f"{step.name}: {reason or 'failed; see its log'}"
        return "the job failed; see its log"

    def _log(self, content: bytes) -> None:
        with self.folder.log.open("ab") as file:
            file.write(content)
            file.flush()

    def _save(self) -> None:
        values = {"offsets": self.offsets, "states": self.states, "points": self.points}
        write_json(self.folder.path / "followed.json", values)

    def finish(self, state: str) -> None:
        """Bring what it made, then write how it ended. Raises RemoteError."""
        error: str | None = None
        if state == "completed":
            self.journal.state("finalizing")
            self.tried += 1
            try:
                results.bring(
                    self.folder, self.history.connection, self.job, self.journal,
                    last=self.tried >= _TRIES,
                )  # fmt: skip
            except RunFailedError as made_nothing:
                state, error = "failed", str(made_nothing)
        elif state == "failed":
            error = self.reason
        elif state == "canceled":
            error = "canceled"
        self.folder.write_exit(Exit(state, now(), error))
        self.journal.state(state, error=error)

    reason: Any = None


def main() -> None:
    folder, afterwards = RunFolder(Path(sys.argv[1])), sys.argv[2]
    lock = try_lock(folder.lock)
    if lock is None or folder.exit() is not None:
        return
    begun, follower = time.monotonic(), None
    while folder.exit() is None:
        folder.heartbeat.touch()
        try:
            follower = follower or Follower(folder)
            state = _step(follower)
            tell_trouble(folder, None)
            if state in ENDED:
                break
        except SignInError as error:
            # The one who signs in has another environment: whoever looks then follows in it.
            print(error, file=sys.stderr, flush=True)
            tell_trouble(folder, error)
            return
        except FmtuiError as error:
            print(error, file=sys.stderr, flush=True)
            tell_trouble(folder, error)
        except Exception as error:
            # A fault of ours is told, and the job goes on being followed.
            traceback.print_exc()
            words = f"fmtui can't follow the job: {type(error).__name__}: {error}"
            tell_trouble(folder, RemoteError(words, hint=f"Details: {folder.path}/follower.txt"))
        time.sleep(_pause(begun))
    os.close(lock)
    os.execv(sys.executable, [sys.executable, "-P", "-m", afterwards, str(folder.home.root)])


def _in_flight() -> float:
    return float(os.environ.get("FMTUI_AZURE_IN_FLIGHT_SECONDS") or _IN_FLIGHT_SECONDS)


def _step(follower: Follower) -> str:
    folder = follower.folder
    if (job := jobs.find(connection_of(folder), follower.job)) is None:
        if time.time() - (folder.path / "spec.json").stat().st_mtime < _in_flight():
            return "queued"
        # Whoever made the run was killed before the job was taken; nothing runs, nothing bills.
        words = "it was never handed to Azure ML."
        folder.write_exit(Exit("failed", now(), words, interrupted=True))
        follower.journal.state("failed", error=words)
        return "failed"
    state = follower.look(job)
    if state in ENDED:
        follower.finish(state)
    return state


if __name__ == "__main__":
    main()
