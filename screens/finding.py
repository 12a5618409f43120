"""The rows that a finding of the data check is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.widget import Widget

from fmtui.services import data_check
from fmtui.services.data_check import Group
from screens.base import Page
from screens.threads import threaded
from screens.widgets.notice import Notice
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

_SHOWN = 1000


@dataclass(frozen=True)
class Row:
    """A row of the data, and what is said of it."""

    number: int
    cells: dict[str, object]
    message: str
    column: str | None

    @property
    def shown(self) -> str:
        """The cell that the finding is about, else all of them."""
        if self.column in self.cells:
            return _text(self.cells[self.column])
        return "  ".join(_text(value) for value in self.cells.values())


class FindingPage(Page):
    """The rows of `ref` that a group of findings is about."""

    TAB = "data"

    def __init__(self, ref: str, group: Group) -> None:
        super().__init__()
        self.ref, self.group = ref, group

    def crumbs(self) -> Sequence[str]:
        return ("Data", self.group.findings[0].file, self.group.kind)

    def body(self) -> Iterable[Widget]:
        columns = [Column[Row]("row", lambda row: f"{row.number:,}", width=9, right=True)]
        if any(f.message != self.group.kind for f in self.group.findings if not f.rows):
            columns.append(Column("what", lambda row: row.shown, width=22, drop=60))
            columns.append(Column("fault", lambda row: row.message))
        else:
            columns.append(Column("what", lambda row: row.shown))
        yield RecordList(columns, key=lambda row: str(row.number), empty="Reading the rows …")

    def on_mount(self) -> None:
        count = len(self.group.rows)
        words = f"{count:,} row{'s' if count != 1 else ''} "
        if count > _SHOWN:
            words = f"the first {_SHOWN:,} of {words}"
        self.top.set(right=Content.styled(words, MUTED))
        self.start(self._load, group="load")

    async def _load(self) -> None:
        numbers = self.group.rows[:_SHOWN]
        found = await threaded(data_check.rows_of, self.ctx, self.ref, numbers)
        said = {row: f for f in self.group.findings for row in f.every_row}
        rows = [
            Row(number, cells, said[number].message, said[number].column) for number, cells in found
        ]
        self.query_one(RecordList).load(Rows(rows))

    @on(RecordList.Opened)
    def _open(self, event: RecordList.Opened) -> None:
        row: Row = event.record
        cells = [f"{column}\n{_text(value)}\n" for column, value in row.cells.items()]
        words = "\n".join([f"{row.message}\n", *cells])
        self.app.push_screen(Notice(f"{self.group.findings[0].file}, row {row.number:,}", words))


def _text(value: object) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
