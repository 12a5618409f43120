"""A log that is followed, searched and scrolled while others write to it."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Offset, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from fmtui.services.text import clean
from screens.bindings import bindings
from screens.widgets.log_file import LogFile
from screens.widgets.search_line import SearchLine

POLL_SECONDS = 0.2
_MOST_SELECTED = 10_000


class LogLines(ScrollView, can_focus=True, inherit_bindings=False):
    """The lines. Following holds the end in sight until the reader scrolls up."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES = {"log--dim"}

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = LogFile(path)
        self.following = True
        self._widest = 0

    def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self.poll)
        self.poll()

    def on_unmount(self) -> None:
        self.file.close()

    def on_resize(self) -> None:
        if self.following:
            self.follow(True)

    def poll(self) -> None:
        """Take in what was written since; costs one fstat when it is nothing."""
        if not self.screen.is_active:
            return
        if self.file.grow():
            self.redraw()
            self.call_later(self.poll)

    def redraw(self) -> None:
        self.virtual_size = Size(self._widest, max(self.file.lines, 1))
        if self.following:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        self.refresh()
        if isinstance(self.parent, LogView):
            self.parent.tell()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y and self.following:
            self.follow(False)
        elif new_value >= self.max_scroll_y and not self.following and new_value > old_value:
            self.follow(True)

    def follow(self, on: bool) -> None:
        self.following = on
        if on:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        if isinstance(self.parent, LogView):
            self.parent.tell()

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        number = round(top) + y
        style = self.rich_style
        if self.file.lines == 0:
            words = " Nothing was written yet." if y == 0 else ""
            return Strip([Segment(words, self.get_component_rich_style("log--dim"))]).crop_extend(
                0, self.size.width, style
            )
        text = shown(self.file.line(number))
        width = cell_len(text)
        if width > self._widest:
            self._widest = width
            self.call_later(self._widen)
        strip = Strip(self._selected(text, number), width)
        return strip.crop_extend(x, x + self.size.width, style).apply_offsets(x, number)

    def _widen(self) -> None:
        self.virtual_size = Size(self._widest, max(self.file.lines, 1))

    def _selected(self, text: str, number: int) -> list[Segment]:
        style = self.rich_style
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        if span is None:
            return [Segment(text, style)]
        start, end = span
        end = len(text) if end == -1 else end
        marked = style + self.screen.get_component_rich_style("screen--selection")
        parts = (text[:start], style), (text[start:end], marked), (text[end:], style)
        return [Segment(words, look) for words, look in parts if words]

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.file.lines - 1
        last = min(last, first + _MOST_SELECTED)
        text = "\n".join(shown(self.file.line(n)) for n in range(first, last + 1))
        start = Offset(selection.start.x, 0) if selection.start else None
        end = Offset(selection.end.x, last - first) if selection.end else None
        return Selection(start, end).extract(text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


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

    def tell(self) -> None:
        """Say how many lines there are, and whether the end is followed."""
        count = self.lines.file.lines
        words = f"{count:,} line" if count == 1 else f"{count:,} lines"
        mark = "follow ✓" if self.lines.following else "paused"
        self.query_one(SearchLine).show_count(f"{words}  {mark}")

    def focus_lines(self) -> None:
        self.lines.focus()

    async def action_find(self) -> None:
        await self.query_one(SearchLine).edit()

    @on(SearchLine.Changed)
    def _filter(self, event: SearchLine.Changed) -> None:
        event.stop()
        self.lines.file.filter(event.query)
        self.lines.file.grow()
        self.lines.redraw()

    @on(SearchLine.Left)
    async def _left(self, event: SearchLine.Left) -> None:
        event.stop()
        self.lines.focus()
        await self.query_one(SearchLine).close()

    def action_follow(self) -> None:
        self.lines.follow(not self.lines.following)

    def action_top(self) -> None:
        self.lines.follow(False)
        self.lines.scroll_to(y=0, animate=False)

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


def shown(line: str) -> str:
    """A line as a terminal would leave it: after the last return of the carriage, no controls."""
    line = line.rstrip("\r")
    return clean(line[line.rfind("\r") + 1 :]).expandtabs()
