"""Add data: a file, texts that are aligned, or a saved folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from fmtui.paths import expanded
from fmtui.services import data
from screens.forms.base import Form, pairs, required
from screens.threads import threaded
from screens.widgets.fields import Field, TextField


class AddDataForm(Form):
    TAB = "data"

    def crumbs(self) -> Sequence[str]:
        return ("Data", "add")

    def fields(self) -> Iterable[Field]:
        yield Field("file", TextField(hint="a file, a saved folder, or aligned texts", id="path"))
        yield Field("name", TextField(hint="chosen from the file", id="name"))
        yield Field("columns", TextField(hint="guessed; or text=message, label=intent", id="cols"))

    def _values(self) -> tuple[list[str], str | None, dict[str, str]]:
        words = required(self.query_one("#path", TextField).value, "A file", "Type its path.")
        name = self.query_one("#name", TextField).value.strip() or None
        return _paths(words), name, pairs(self.query_one("#cols", TextField).value, "columns")

    def command(self) -> str:
        paths, name, columns = self._values()
        words = ["fmtui", "data", "add", *paths]
        words += ["--name", name] if name else []
        words += ["--columns", ",".join(f"{k}={v}" for k, v in columns.items())] if columns else []
        return shlex.join(words)

    def changed(self) -> None:
        super().changed()
        paths = _paths(self.query_one("#path", TextField).value)
        hint = data.suggest_name(Path(paths[0])) if len(paths) == 1 else "chosen from the file"
        self.query_one("#name", TextField).placeholder = hint

    async def submit(self) -> None:
        paths, name, columns = self._values()
        self.tell("reading …")
        files = [Path(path) for path in paths]
        info = await threaded(data.add, self.ctx, files, name=name, columns=columns)
        self.say(f"{info.ref}: {info.rows:,} rows.")
        from screens.dataset import DatasetPage

        self.replace(DatasetPage(info.ref))


def _paths(words: str) -> list[str]:
    """One path, also with spaces in it; several, quoted as a shell wants them."""
    words = words.strip()
    if not words or expanded(words).exists():
        return [words] if words else []
    try:
        return shlex.split(words)
    except ValueError:
        return [words]
