"""A list of records that draws only the lines in sight and asks its source for them by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from fmtui.services.text import one_line
from screens.bindings import bindings
from screens.widgets.sources import Rows, Source

T = TypeVar("T")

Cell = str | tuple[str, str]
"""What a column shows: words, or words and a tone (live, good, bad, warn, dim)."""


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column: `width` 0 takes what is left; it is left out below `drop` cells of list."""

    title: str
    cell: Callable[[T], Cell]
    width: int = 0
    right: bool = False
    drop: int = 0


class RecordList(ScrollView, Generic[T], can_focus=True, inherit_bindings=False):
    """Records in columns under a header, with a cursor.

    Args:
        columns: From left to right; exactly one should have width 0.
        key: What tells a record from all others, so that the cursor stays on it.
        mark: One character before the record, such as ● for what is here already.
        header: Whether the titles are shown.
    """

    BINDINGS = bindings("list")
    COMPONENT_CLASSES = {
        "list--cursor", "list--blurred", "list--header",
        "list--live", "list--good", "list--bad", "list--warn", "list--dim",
    }  # fmt: skip

    @dataclass
    class Opened(Message):
        """Enter, or a click on the line under the cursor."""

        list: RecordList[Any]
        record: Any

        @property
        def control(self) -> RecordList[Any]:
            return self.list

    @dataclass
    class Moved(Message):
        """The cursor is on another record (None when the list is empty)."""

        list: RecordList[Any]
        record: Any | None

        @property
        def control(self) -> RecordList[Any]:
            return self.list

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RecordList.Moved) and message.list is self.list

    def __init__(
        self,
        columns: Sequence[Column[T]],
        *,
        key: Callable[[T], str],
        mark: Callable[[T], str] | None = None,
        header: bool = True,
        empty: str = "",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = list(columns)
        self.empty = empty
        self.cursor = 0
        self._key = key
        self._mark = mark
        self._top = 1 if header else 0
        self._source: Source[T] = Rows[T]()
        self._widths: tuple[int, list[tuple[Column[T], int]]] = (-1, [])

    @property
    def record(self) -> T | None:
        """The record under the cursor."""
        return self._source.row(self.cursor)

    @property
    def total(self) -> int:
        return self._source.total

    def load(self, source: Source[T], *, keep: bool = True) -> None:
        """Show another source's records; with `keep` the cursor stays on its record."""
        before = self.record
        self._source = source
        if not keep:
            self.cursor = 0
        elif before is not None:
            found = source.find(self._key(before), self._key)
            self.cursor = self.cursor if found is None else found
        self.cursor = max(0, min(self.cursor, source.total - 1))
        self._resize()
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self, self.record))

    def go(self, index: int) -> None:
        """Put the cursor on a line, and the line in sight."""
        index = max(0, min(index, self._source.total - 1))
        if index == self.cursor:
            return
        record = self._source.row(index)
        if record is None:  # reading found the end before it
            index = max(0, self._source.total - 1)
            record = self._source.row(index)
        self.cursor = index
        self._resize()
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self, record))

    @property
    def _room(self) -> int:
        return max(1, self.size.height - self._top)

    def _resize(self) -> None:
        height = self._source.total + self._top
        if self.virtual_size.height != height:
            self.virtual_size = Size(0, height)

    def _show_cursor(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self._room:
            self.scroll_to(y=self.cursor - self._room + 1, animate=False)

    def on_resize(self) -> None:
        self._show_cursor()

    def action_move(self, lines: int) -> None:
        self.go(self.cursor + lines)

    def action_half(self, times: int) -> None:
        self.go(self.cursor + times * max(1, self._room // 2))

    def action_page(self, times: int) -> None:
        self.go(self.cursor + times * self._room)

    def action_first(self) -> None:
        self.go(0)

    def action_last(self) -> None:
        self.go(self._source.total - 1)

    def action_open(self) -> None:
        record = self.record
        if record is not None:
            self.post_message(self.Opened(self, record))

    def on_click(self, event: events.Click) -> None:
        line = event.y - self._top
        index = line + round(self.scroll_y)
        if line < 0 or index >= self._source.total:
            return
        if index == self.cursor:
            self.action_open()
        self.go(index)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._top and y == 0:
            return self._line(width, "   ", [c.title for c, _ in self._layout(width)], "header")
        if self._source.total == 0:
            return self._empty_line(y - self._top, width)
        index = round(self.scroll_y) + y - self._top
        record = self._source.row(index)
        if record is None:
            return Strip.blank(width, self.rich_style)
        here = index == self.cursor
        mark = self._mark(record) if self._mark else " "
        cells = [column.cell(record) for column, _ in self._layout(width)]
        tone = ("cursor" if self.has_focus else "blurred") if here else ""
        return self._line(width, f"{'▸' if here else ' '}{mark or ' '} ", cells, tone)

    def _layout(self, width: int) -> list[tuple[Column[T], int]]:
        """The columns that fit, each with its width; a gap of two follows each."""
        if self._widths[0] != width:
            shown = [c for c in self.columns if width >= c.drop]
            rest = width - 4 - sum(c.width + 2 for c in shown if c.width)
            self._widths = (width, [(c, c.width or max(rest, 8)) for c in shown])
        return self._widths[1]

    def _line(self, width: int, lead: str, cells: Sequence[Cell], tone: str) -> Strip:
        base = self.get_component_rich_style(f"list--{tone}") if tone else self.rich_style
        segments = [Segment(lead, base)]
        for (column, room), cell in zip(self._layout(width), cells, strict=True):
            words, colour = cell if isinstance(cell, tuple) else (cell, "")
            style = base
            if colour:
                full = self.get_component_rich_style(f"list--{colour}")
                style = base + Style(color=full.color)
            segments.append(Segment(fit(one_line(words), room, right=column.right), style))
            segments.append(Segment("  ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _empty_line(self, y: int, width: int) -> Strip:
        lines = self.empty.splitlines()
        at = y - 1
        words = lines[at] if 0 <= at < len(lines) else ""
        style = self.get_component_rich_style("list--dim")
        return Strip([Segment("   " + words, style)]).adjust_cell_length(width, self.rich_style)


def fit(words: str, room: int, *, right: bool = False) -> str:
    """Words in exactly `room` cells, cut with an ellipsis."""
    length = cell_len(words)
    if length > room:
        return set_cell_size(words, room - 1) + "…" if room > 0 else ""
    return " " * (room - length) + words if right else words + " " * (room - length)
