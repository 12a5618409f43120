"""What the tests of screens share: the app in a terminal of some size, read as a person would."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from fmtui.app import FmtuiApp
from fmtui.services.context import Context, context
from screens.places import settled

SIZES = [(80, 24), (120, 40)]


@asynccontextmanager
async def opened(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[Any]]:
    """The TUI on the home in force, its first frame painted."""
    context().db.prepare()
    app = FmtuiApp()
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield pilot


def lines(pilot: Pilot[Any]) -> list[str]:
    """What stands on the terminal, line by line."""
    screen = pilot.app.screen
    strips = screen._compositor.render_strips()
    return [strip.text for strip in strips]


def text(pilot: Pilot[Any]) -> str:
    return "\n".join(lines(pilot))


async def shows(pilot: Pilot[Any], *words: str, seconds: float = 20.0) -> str:
    """Wait until all these words are on the terminal; fails with what is there instead."""
    return await until(pilot, lambda seen: all(word in seen for word in words), str(words), seconds)


async def hides(pilot: Pilot[Any], word: str, seconds: float = 20.0) -> str:
    """Wait until a word is gone from the terminal."""
    return await until(pilot, lambda seen: word not in seen, f"without {word!r}", seconds)


async def until(
    pilot: Pilot[Any], holds: Callable[[str], bool], what: str, seconds: float = 20.0
) -> str:
    deadline = time.monotonic() + seconds
    while True:
        await pilot.pause()
        seen = text(pilot)
        if holds(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited for {what}, there is:\n{seen}")
        await asyncio.sleep(0.01)


async def type_in(pilot: Pilot[Any], words: str) -> None:
    """Type words into the field that has the keyboard; what is long is pasted."""
    field = pilot.app.focused
    assert isinstance(field, Input), f"{field} has the keyboard"
    if len(words) > 24:
        field.post_message(events.Paste(words))
        await pilot.pause()
        return
    for character in words:
        await pilot.press(_KEYS.get(character, character))


async def fill_in(pilot: Pilot[Any], field: str, words: str) -> None:
    """Type words into a field of a form."""
    pilot.app.screen.query_one(f"#{field}").focus()
    await pilot.pause()
    await type_in(pilot, words)


async def choose(pilot: Pilot[Any], field: str, words: str) -> None:
    """Type what is wanted into a field's picker, and take it."""
    pilot.app.screen.query_one(f"#{field}").focus()
    await pilot.pause()
    await pilot.press("enter")
    await shows(pilot, "type to narrow")
    await type_in(pilot, words)
    await pilot.press("enter")
    await hides(pilot, "type to narrow")
    await pilot.pause()


_KEYS = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore",
         ":": "colon", "=": "equals_sign", ",": "comma", "@": "at"}  # fmt: skip


def make_run(ctx: Context, **values: Any) -> str:
    """A run as its processes leave it: a folder, its exit file, and the registry's row."""
    from fmtui.runs.folder import RunFolder
    from registry.database import now

    row = {
        "kind": "finetune", "backend": "local", "task": "text-classification",
        "state": "completed", "model": "tiny:1", "data": "messages:1", "created": now(),
        "started": now(), "ended": now(),
    } | values  # fmt: skip
    number = ctx.db.read().execute("SELECT coalesce(max(id), 0) + 1 FROM run").fetchone()[0]
    spec = {
        "run": f"r{number}", "kind": row["kind"], "backend": "local", "task": row["task"],
        "created": row["created"], "model": {"ref": row["model"]},
        "train": {"ref": row["data"]}, "data": {"ref": row["data"]},
        "settings": {"learning_rate": 0.0002, "num_train_epochs": 3},
    }  # fmt: skip
    folder = RunFolder.create(ctx.home.runs, number, spec)
    folder.log.write_text(
        "".join(f"09:26:{n:02} step {n} loss {2 - n / 50:.3f}\n" for n in range(60))
    )
    write_journal(folder.journal, ended=row["state"])
    (folder.path / "worker.json").write_text("{}")
    (folder.path / "exit.json").write_text(
        json.dumps({"state": row["state"], "ended": row["ended"], "error": row.get("error"),
                    "resumable": row["state"] != "completed"})
    )  # fmt: skip
    with ctx.db.write() as connection:
        names = ", ".join(["id", *row])
        marks = ", ".join("?" * (len(row) + 1))
        connection.execute(f"INSERT INTO run ({names}) VALUES ({marks})", (number, *row.values()))
    return f"r{number}"


@contextmanager
def running(ctx: Context) -> Iterator[str]:
    """A run under way: no exit file, and somebody who holds its lock."""
    from fmtui.runs.folder import RunFolder
    from fmtui.runs.process import try_lock

    run = make_run(ctx, state="running", ended=None)
    folder = RunFolder(ctx.home.runs / run)
    (folder.path / "exit.json").unlink()
    lock = try_lock(folder.lock)
    assert lock is not None
    try:
        yield run
    finally:
        os.close(lock)


def write_journal(path: Path, *, ended: str) -> None:
    from fmtui.runs.journal import Journal

    journal = Journal(path)
    journal.state("running")
    for step in range(10, 110, 10):
        journal.metrics(step, step / 40, "train", {"loss": 2.0 - step / 100})
        journal.write("progress", step=step, total=120, epoch=step / 40, epochs=3, rate=98.0)
    journal.metrics(100, 2.5, "validation", {"loss": 0.9, "accuracy": 0.875, "f1_macro": 0.86})
    journal.state(ended)
    journal.close()
