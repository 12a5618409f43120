"""A run is a folder; this is its layout. The registry's row is only an index of it.

```
spec.json      all that is needed to do it again
journal.jsonl  append only: states, metrics, progress, checkpoints, warnings
log.txt        stdout and stderr, written by the processes themselves; log.N.txt its older parts
lock           held by the supervisor and the worker: free means that both are gone
queue.json     its place among those that wait; absent where nobody moved it
tags.json      the words that a person put on it; absent where nobody did
reserve        room on the disk that is given up to write the end when the disk is full
exit.json      the end of it, by temp file, fsync and rename; attempts/ keeps earlier ends
checkpoints/   checkpoint-N, complete or absent
output/        what it made
```
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fmtui.paths import Home
from fmtui.runs.checkpoints import last_checkpoint
from fmtui.runs.journal import Journal
from fmtui.runs.process import Identity, is_locked, sync_folder, write_bytes, write_json

ENDED = frozenset({"completed", "failed", "canceled"})
ACTIVE = frozenset({"queued", "starting", "running", "finalizing", "not_responding"})


FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_RESERVE = 64 * 1024


@dataclass(frozen=True)
class Exit:
    """How an attempt ended. `error` is a sentence; `ended` is UTC, ISO 8601.

    `resumable` tells that a checkpoint is there, `interrupted` that the run was ended from outside
    and not by a person's wish: killed, the machine went down, the disk was full.
    """

    state: str
    ended: str
    error: str | None = None
    resumable: bool = False
    interrupted: bool = False


class RunFolder:
    """The folder of one run, `HOME/runs/r17`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def home(self) -> Home:
        return Home(self.path.parent.parent)

    @property
    def id(self) -> int:
        return int(self.path.name.removeprefix("r"))

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def output(self) -> Path:
        return self.path / "output"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat"

    @property
    def cancel_request(self) -> Path:
        return self.path / "cancel"

    def spec(self) -> dict[str, Any]:
        """What was asked for. Raises OSError or ValueError where the file is gone or broken."""
        value: dict[str, Any] = json.loads((self.path / "spec.json").read_text())
        return value

    def exit(self) -> Exit | None:
        """How it ended, None while it has not."""
        try:
            values = json.loads((self.path / "exit.json").read_text())
            return Exit(
                str(values["state"]),
                str(values["ended"]),
                values.get("error"),
                bool(values.get("resumable")),
                bool(values.get("interrupted")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_reserve(self) -> None:
        """Take the room that writing the end will need. Raises OSError where there is none."""
        write_bytes(self.path / "reserve", bytes(_RESERVE))

    def free_reserve(self) -> None:
        """Give that room up: the end is near."""
        (self.path / "reserve").unlink(missing_ok=True)

    def write_exit(self, end: Exit) -> None:
        """Write how it ended; on a full disk into the reserve. Raises OSError."""
        try:
            write_json(self.path / "exit.json", asdict(end))
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.free_reserve()
            write_json(self.path / "exit.json", asdict(end))
        self.free_reserve()

    def worker(self) -> Identity | None:
        return Identity.load(self.path / "worker.json")

    def supervisor(self) -> Identity | None:
        return Identity.load(self.path / "supervisor.json")

    def was_started(self) -> bool:
        """Whether this attempt ever had a worker."""
        return (self.path / "worker.json").exists()

    def held(self) -> bool:
        """Whether a supervisor or a worker is alive: proved by the lock that both hold."""
        return is_locked(self.lock)

    def last_checkpoint(self) -> Path | None:
        """The newest complete checkpoint."""
        return last_checkpoint(self.checkpoints)

    def start_over(self) -> None:
        """Clear the end of the last attempt, keeping it under attempts/, so that it can go on."""
        attempts = self.path / "attempts"
        attempts.mkdir(exist_ok=True)
        number = len(list(attempts.glob("exit.*.json"))) + 1
        for name in ("worker.json", "supervisor.json", "heartbeat", "cancel"):
            (self.path / name).unlink(missing_ok=True)
        for half in self.path.glob(".*.part"):  # of a process that was killed while it wrote
            half.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (self.path / "exit.json").replace(attempts / f"exit.{number}.json")
        sync_folder(self.path)

    @classmethod
    def create(
        cls, runs: Path, number: int, spec: dict[str, Any], beside: Mapping[str, Any] | None = None
    ) -> RunFolder:
        """Make the folder with its spec, and other files by their names (bytes, or what is written
        as JSON): whole, or not at all.

        Raises OSError.
        """
        runs.mkdir(parents=True, exist_ok=True)
        temp = runs / f".r{number}.part"
        shutil.rmtree(temp, ignore_errors=True)
        try:
            temp.mkdir()
            write_json(temp / "spec.json", spec)
            for name, value in (beside or {}).items():
                write = write_bytes if isinstance(value, bytes) else write_json
                write(temp / name, value)
            journal = Journal(temp / "journal.jsonl")
            journal.state("queued")
            journal.close()
            temp.rename(runs / f"r{number}")
        except BaseException:
            shutil.rmtree(temp, ignore_errors=True)
            raise
        sync_folder(runs)
        return cls(runs / f"r{number}")


def all_folders(runs: Path) -> list[RunFolder]:
    """Every run's folder under `runs`, by number."""
    if not runs.is_dir():
        return []
    found = [p for p in runs.iterdir() if re.fullmatch(r"r[1-9]\d*", p.name) and p.is_dir()]
    return sorted((RunFolder(p) for p in found), key=lambda folder: folder.id)
