"""What the tests of runs on Azure ML share: data, waiting for a run, ending followers."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fmtui.runs.folder import ENDED, RunFolder
from fmtui.services import runs
from fmtui.services.context import Context
from registry.views import RunInfo
from tests.command import fmtui


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a state; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def ended(ctx: Context, run: str, seconds: float = 90.0) -> RunInfo:
    """The run once it has ended, and its follower is gone."""
    until(lambda: runs.show(ctx, run).state in ENDED, seconds)
    until(lambda: not RunFolder(ctx.home.runs / run).held(), seconds)
    return runs.show(ctx, run)


def by_command(ctx: Context, line: str, run: str, *, like: str) -> None:
    """Run the command line that a form showed, and hold the run that it begins to the form's own:
    all but its number, its time and the name of its job is the same."""
    program, *words = shlex.split(line)
    assert program == "fmtui"
    done = fmtui(*words, "--json")
    assert done.code == 0 and done.json["run"] == run, done.err
    specs = [RunFolder(ctx.home.runs / each).spec() for each in (run, like)]
    for spec in specs:
        for key in ("run", "created"):
            spec.pop(key)
        spec["azure"].pop("job")
    assert specs[0] == specs[1], "the command of the form does the same"


def followers(home: Path) -> list[int]:
    """The processes that follow runs of this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(home).encode() in word for word in words) and any(
            word.endswith((b"fmtui.azure.follower", b"follower.txt")) for word in words
        ):
            found.append(int(entry.name))
    return found


def end_followers(home: Path) -> None:
    for pid in followers(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
