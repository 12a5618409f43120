"""Choose one of many: type to narrow, enter chooses, enter to take it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from fmtui.services.text import one_line
from screens.base import Modal
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar
from screens.widgets.lines import Line
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sources import Rows


@dataclass(frozen=True)
class Option:
    """A line of the picker: what it says, what it stands for, and a word on the right."""

    label: str
    value: Any
    note: str = ""


class Picker(Modal[Option | None]):
    """Gives the option that was chosen, None when it was closed.

    Args:
        free: Makes an option of what was typed, where any words may be chosen.
        current: The value under the cursor at first.
        only_typed: Whether what is typed stands alone, and narrows nothing.
    """

    BINDINGS = bindings("picker")
    AUTO_FOCUS = "Line"

    def __init__(
        self,
        title: str,
        options: Iterable[Option],
        *,
        current: Any = None,
        free: Callable[[str], Option] | None = None,
        empty: str = "Nothing matches.",
        only_typed: bool = False,
    ) -> None:
        super().__init__()
        self.only_typed = only_typed
        self.heading = title
        self.options: Sequence[Option] = tuple(options)
        self.current = current
        self.free = free
        self.empty = empty

    def compose(self) -> ComposeResult:
        notes = max((len(option.note) for option in self.options), default=0)
        columns = [Column[Option]("", lambda o: o.label)]
        if notes:
            columns.append(Column("", lambda o: (o.note, "dim"), width=min(notes, 34), right=True))
        with Vertical(id="frame") as frame:
            frame.border_title = Content(one_line(self.heading))
            yield Line(compact=True, placeholder="type to narrow, enter chooses", id="narrow")
            yield RecordList(
                columns, key=lambda o: o.label, header=False, empty=self.empty, id="options"
            )
        yield KeyBar()

    @property
    def options_list(self) -> RecordList[Option]:
        return self.query_one("#options", RecordList)

    def on_mount(self) -> None:
        self.options_list.can_focus = False
        self._narrow("")
        at = next((i for i, o in enumerate(self.options) if o.value == self.current), 0)
        self.call_after_refresh(self.options_list.go, at)
        rows = min(len(self.options) + (1 if self.free else 0), 14)
        self.options_list.styles.height = max(rows, 3)

    def _narrow(self, typed: str) -> None:
        wanted = typed.lower().split()
        rows = [o for o in self.options if all(w in f"{o.label} {o.note}".lower() for w in wanted)]
        if self.only_typed and wanted:
            rows = []
        if self.free and typed.strip():
            rows.append(self.free(typed.strip()))
        self.options_list.load(Rows(rows), keep=False)

    @on(Input.Changed, "#narrow")
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    @on(Input.Submitted, "#narrow")
    def _entered(self) -> None:
        self.options_list.action_open()

    @on(RecordList.Opened)
    def _chosen(self, event: RecordList.Opened) -> None:
        self.dismiss(event.record)

    def action_move(self, lines: int) -> None:
        self.options_list.action_move(lines)

    def action_page(self, times: int) -> None:
        self.options_list.action_page(times)

    def action_cancel(self) -> None:
        self.dismiss(None)
