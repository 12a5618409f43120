"""Add a file of data."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from fmtui.services import data
from screens.forms.base import Form, pairs, required
from screens.threads import threaded
from screens.widgets.fields import Field, TextField


class AddDataForm(Form):
    TAB = "data"

    def crumbs(self) -> Sequence[str]:
        return ("Data", "add")

    def fields(self) -> Iterable[Field]:
        yield Field("file", TextField(hint="a csv, tsv or jsonl file", id="path"))
        yield Field("name", TextField(hint="chosen from the file", id="name"))
        yield Field("columns", TextField(hint="guessed; or text=message, label=intent", id="cols"))

    def _values(self) -> tuple[str, str | None, dict[str, str]]:
        path = required(self.query_one("#path", TextField).value, "A file", "Type its path.")
        name = self.query_one("#name", TextField).value.strip() or None
        return path, name, pairs(self.query_one("#cols", TextField).value, "columns")

    def command(self) -> str:
        path, name, columns = self._values()
        words = ["fmtui", "data", "add", path]
        words += ["--name", name] if name else []
        words += ["--columns", ",".join(f"{k}={v}" for k, v in columns.items())] if columns else []
        return shlex.join(words)

    def changed(self) -> None:
        super().changed()
        path = self.query_one("#path", TextField).value.strip()
        hint = data.suggest_name(Path(path)) if path else "chosen from the file"
        self.query_one("#name", TextField).placeholder = hint

    async def submit(self) -> None:
        path, name, columns = self._values()
        self.tell("reading …")
        info = await threaded(data.add, self.ctx, Path(path), name=name, columns=columns)
        self.say(f"{info.ref}: {info.rows:,} rows.")
        from screens.dataset import DatasetPage

        self.replace(DatasetPage(info.ref))
