"""The processes of a run that has several: `ranks/K.json` says who rank K is and how it ended.

Rank 0 writes the run's journal, log, checkpoints and end; the others write `log.rankK.txt`. When
one dies, its neighbours fail too, in the middle of talking to it: they call that an echo, so that
the run's end names the one that died first.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fmtui.runs.folder import RunFolder
from fmtui.runs.process import Identity, boot_id, write_json
from registry.database import now

_PR_SET_PDEATHSIG = 1
_LAST_WORD_SECONDS = 3.0


@dataclass(frozen=True)
class Rank:
    """One process. `state` is running, ended, failed, killed, or echo (another failed)."""

    rank: int
    host: str
    pid: int
    started: int
    boot: str
    state: str = "running"
    error: str | None = None
    ended: str | None = None

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.started, self.boot)

    @property
    def here(self) -> bool:
        """Whether it is, or was, on this machine: only then can its life be proved."""
        return self.boot == boot_id()

    @property
    def told(self) -> str:
        """Its state, for a person."""
        return "lost touch" if self.state == "echo" else self.state

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"log": log_name(self.rank)}

    def sentence(self) -> str:
        """What became of it, for a person, where it did not just end."""
        words = {
            "killed": "was killed.",
            "echo": f"lost touch with the others: {self.error}",
            "failed": f"failed: {self.error}",
        }
        name = f"rank {self.rank} (pid {self.pid} on {self.host})"
        return f"{name} {words.get(self.state, self.state)} See {log_name(self.rank)}."


def _path(folder: RunFolder, rank: int) -> Path:
    return folder.path / "ranks" / f"{rank}.json"


def log_of(folder: RunFolder, rank: int) -> Path:
    """Where a rank writes what it prints; rank 0 writes the run's own log."""
    return folder.path / log_name(rank)


def log_name(rank: int) -> str:
    return f"log.rank{rank}.txt" if rank else "log.txt"


def die_with_launcher() -> None:
    """Let the kernel end this process when the one that started it is gone (Linux).

    Ranks don't hold the run's lock, their launcher does: without it they may not go on.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def begin(folder: RunFolder, rank: int) -> None:
    """Called by a rank: it is here."""
    identity = Identity.of(os.getpid())
    if identity is not None:
        _path(folder, rank).parent.mkdir(exist_ok=True)
        write_json(_path(folder, rank), asdict(_rank(rank, identity)))


def _rank(rank: int, identity: Identity) -> Rank:
    return Rank(rank, socket.gethostname(), identity.pid, identity.started, identity.boot)


def end(folder: RunFolder, rank: int, state: str, error: str | None = None) -> None:
    """How a rank ended, unless it is written already."""
    known = load(folder, rank)
    if known is not None and known.state == "running":
        values = asdict(known) | {"state": state, "error": error, "ended": now()}
        write_json(_path(folder, rank), values)


def load(folder: RunFolder, rank: int) -> Rank | None:
    try:
        return Rank(**json.loads(_path(folder, rank).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def all_ranks(folder: RunFolder) -> list[Rank]:
    """Every rank that has begun, by number; none where the run is one process."""
    try:
        names = sorted(int(p.stem) for p in (folder.path / "ranks").glob("[0-9]*.json"))
    except OSError:
        return []
    return [rank for name in names if (rank := load(folder, name))]


def forget(folder: RunFolder, numbers: range) -> None:
    """Clear what an earlier attempt left of these ranks."""
    for number in numbers:
        _path(folder, number).unlink(missing_ok=True)


def culprit(folder: RunFolder) -> Rank | None:
    """The rank that ended the run, None when none failed.

    Ask when the processes are gone; ranks on other machines get a moment for their last word.
    """
    deadline = time.monotonic() + _LAST_WORD_SECONDS
    while any(_is_open(folder, rank) for rank in all_ranks(folder)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    failed = [r for r in all_ranks(folder) if r.state in ("failed", "killed", "echo")]
    return min(failed, key=lambda r: (r.state == "echo", r.ended or ""), default=None)


def _is_open(folder: RunFolder, rank: Rank) -> bool:
    """Whether it may still say how it ended; one that is gone from here is noted as killed."""
    if rank.state == "running" and rank.here and not rank.identity.alive():
        end(folder, rank.rank, "killed")
        return False
    return rank.state == "running"


class Watch:
    """Looks after the ranks of one machine, from the process that started them."""

    def __init__(self, folder: RunFolder, numbers: range) -> None:
        self.folder = folder
        self.numbers = numbers
        self._stopping = False
        self._told: set[Identity] = set()

    def look(self) -> None:
        """Note a rank that is gone without a word; tell late ones to stop."""
        for number in self.numbers:
            rank = load(self.folder, number)
            if rank is None or not _is_open(self.folder, rank):
                continue
            if self._stopping and rank.identity not in self._told:
                self._told.add(rank.identity)
                rank.identity.signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask every rank for a checkpoint and its end."""
        self._stopping = True
        self.look()
