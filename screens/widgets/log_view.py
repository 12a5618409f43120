"""A log that is followed, searched and scrolled while others write to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from screens.bindings import bindings
from screens.widgets.log_lines import LogLines
from screens.widgets.search_line import SearchLine


class LogView(Vertical):
    """The lines, with a line above that says what is filtered and whether it follows."""

    BINDINGS = bindings("log")

    def __init__(self, path: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.path = path

    def compose(self) -> ComposeResult:
        yield SearchLine("find in the log")
        yield LogLines(self.path)

    @property
    def lines(self) -> LogLines:
        return self.query_one(LogLines)

    @on(LogLines.Told)
    def _tell(self, event: LogLines.Told) -> None:
        """Say how many lines there are, and whether the end is followed."""
        event.stop()
        file = self.lines.file
        count = f"{file.lines:,}" + ("" if file.whole else "+")
        words = f"{count} line" if count == "1" else f"{count} lines"
        at_hit = file.needle and not file.only and not self.lines.following
        if at_hit and self.lines.here is not None:
            words = f"line {self.lines.here + 1:,} of {count}"
        mark = "follow ✓" if self.lines.following else "paused"
        self.query_one(SearchLine).show_count(f"{words}  {mark}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "hit" or (self.is_mounted and bool(self.lines.file.needle))

    async def action_find(self) -> None:
        await self.query_one(SearchLine).edit()

    @on(SearchLine.Changed)
    def _filter(self, event: SearchLine.Changed) -> None:
        event.stop()
        lines = self.lines
        lines.here = None
        lines.file.filter(event.query)
        lines.file.grow()
        lines.redraw()
        self.screen.refresh_bindings()

    @on(SearchLine.Left)
    async def _left(self, event: SearchLine.Left) -> None:
        event.stop()
        self.lines.focus()
        await self.query_one(SearchLine).close()

    def action_hit(self, step: int) -> None:
        if not self.lines.find(step):
            where = "after" if step > 0 else "before"
            self.app.notify(f"No line {where} this one holds it.", markup=False)

    def action_wrap(self) -> None:
        self.lines.wrap(not self.lines.wrapping)

    def action_copy_lines(self) -> None:
        """Copy what is selected, else the lines in sight."""
        screen: Any = self.screen
        chosen = screen.get_selected_text()
        screen.copy(
            chosen or self.lines.in_sight(), "the selection" if chosen else "the lines in sight"
        )

    def action_follow(self) -> None:
        self.lines.follow(not self.lines.following)

    def action_top(self) -> None:
        self.lines.to_top()

    def action_end(self) -> None:
        self.lines.follow(True)

    def action_scroll_down(self) -> None:
        self.lines.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        self.lines.scroll_relative(y=-1, animate=False)

    def action_scroll_right(self) -> None:
        self.lines.scroll_relative(x=8, animate=False)

    def action_scroll_left(self) -> None:
        self.lines.scroll_relative(x=-8, animate=False)

    def action_page_down(self) -> None:
        self.lines.scroll_relative(y=max(1, self.lines.size.height - 1), animate=False)

    def action_page_up(self) -> None:
        self.lines.scroll_relative(y=-max(1, self.lines.size.height - 1), animate=False)
