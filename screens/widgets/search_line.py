"""The line above a list: what is searched for, typed live, and how much there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from screens.widgets.lines import Line
from screens.widgets.record_list import fit
from screens.widgets.states import FAINT, MUTED

if TYPE_CHECKING:
    from textual.app import RenderResult


class SearchInput(Line):
    """The field itself: enter or down keeps the words and goes back to the list, esc drops them."""

    BINDINGS = [("escape", "drop", "clear"), ("down,tab", "keep", "to the list")]

    def action_drop(self) -> None:
        self.value = ""
        self.post_message(SearchLine.Left())

    def action_keep(self) -> None:
        self.post_message(SearchLine.Left())


class SearchLine(Widget):
    """Shows the words and the count; the field is made when it is first needed."""

    @dataclass
    class Changed(Message):
        query: str

    @dataclass
    class Left(Message):
        """The field was left; the list should have the focus again."""

    def __init__(self, hint: str = "search") -> None:
        super().__init__()
        self.query_text = ""
        self.hint = hint
        self.count = ""

    def show_count(self, count: str) -> None:
        self.count = count
        self.refresh()

    def render(self) -> RenderResult:
        room = self.size.width - len(self.count) - 5
        words = self.query_text or self.hint
        style = "" if self.query_text else FAINT
        return Content.assemble(
            (" / ", "bold"), (fit(words, room), style), " ", (self.count, MUTED), " "
        )

    async def edit(self) -> None:
        """Give the keyboard to the field."""
        if not self.query(SearchInput):
            await self.mount(SearchInput(self.query_text, compact=True, select_on_focus=False))
        self.query_one(SearchInput).focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_text = event.value
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())

    async def close(self) -> None:
        """Take the field away; its words stay on the line."""
        await self.query(SearchInput).remove()
        self.refresh()

    async def on_click(self) -> None:
        await self.edit()
