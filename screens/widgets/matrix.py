"""A table of counts with a cursor on a cell, such as what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.bindings import bindings
from screens.widgets.record_list import fit

_NAME = 20
_CELL = 9


class Matrix(ScrollView, can_focus=True, inherit_bindings=False):
    """Counts by a label downwards and one across; the diagonal is what is right.

    Args:
        labels: Of both sides, in their order.
        counts: A row for each label.
    """

    BINDINGS = bindings("matrix")
    COMPONENT_CLASSES = {
        "list--cursor", "list--blurred", "list--header", "list--good", "list--bad", "list--dim",
    }  # fmt: skip

    @dataclass
    class Opened(Message):
        """Enter, or a click on the cell under the cursor."""

        label: str
        taken_for: str

    def __init__(self, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.labels = list(labels)
        self.counts = counts
        self.at = self._worst()

    def _worst(self) -> tuple[int, int]:
        """The cell with the most mistakes: where one looks first."""
        wrong = [
            (-n, i, j) for i, row in enumerate(self.counts) for j, n in enumerate(row) if i != j
        ]
        return min(wrong)[1:] if wrong else (0, 0)

    def on_mount(self) -> None:
        self.virtual_size = Size(_NAME + _CELL * len(self.labels), len(self.labels) + 1)
        self.call_after_refresh(self._show_cursor)

    def action_go(self, down: int, across: int) -> None:
        last = len(self.labels) - 1
        row, column = self.at
        if not 0 <= column + across <= last:
            raise SkipAction  # over the edge, to the part beside this one
        self.at = (max(0, min(row + down, last)), column + across)
        self._show_cursor()
        self.refresh()

    def action_open(self) -> None:
        row, column = self.at
        self.post_message(self.Opened(self.labels[row], self.labels[column]))

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + round(self.scroll_y)
        column = (event.x - _NAME) // _CELL + self._first
        if event.y < 1 or event.x < _NAME or max(row, column) >= len(self.labels):
            return
        if (row, column) == self.at:
            self.action_open()
        self.at = (row, column)
        self.refresh()

    @property
    def _first(self) -> int:
        """The label of the first column in sight."""
        return round(self.scroll_x / _CELL)

    def _show_cursor(self) -> None:
        row, column = self.at
        across, down = max(1, (self.size.width - _NAME) // _CELL), max(1, self.size.height - 1)
        first = min(max(self._first, column - across + 1), column)
        top = min(max(round(self.scroll_y), row - down + 1), row)
        self.scroll_to(x=first * _CELL, y=top, animate=False)

    def on_resize(self) -> None:
        self._show_cursor()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        shown = range(self._first, len(self.labels))
        row = y - 1 + round(self.scroll_y)
        if y == 0:
            style = self.get_component_rich_style("list--header")
            segments = [Segment(fit(" label ↓ taken for →", _NAME), style)]
            segments += [
                Segment(fit(self.labels[j], _CELL - 1, right=True) + " ", style) for j in shown
            ]
        elif row < len(self.labels):
            segments = [Segment(fit(f" {self.labels[row]}", _NAME), base)]
            segments += [self._cell(row, column, base) for column in shown]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, base)

    def _cell(self, row: int, column: int, base: Style) -> Segment:
        count = self.counts[row][column]
        tone = "dim" if not count else "good" if row == column else "bad"
        style = base + Style(color=self.get_component_rich_style(f"list--{tone}").color)
        if (row, column) == self.at:
            style = self.get_component_rich_style(
                "list--cursor" if self.has_focus else "list--blurred"
            )
        return Segment(f"{count or '·':>{_CELL - 1}} ", style)
