"""The lines of a log on the screen: only those in sight are read, coloured, wrapped and drawn."""

from __future__ import annotations

import re
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.text import Text
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from fmtui.services.logs import coloured
from screens.widgets.log_file import LogFile

BUSY_SECONDS, LIVELY_SECONDS, IDLE_SECONDS = 0.01, 0.04, 0.25
"""How often the file is looked at: while it is counted, while it grows, while it does not."""
_MOST_SELECTED = 10_000


class LogLines(ScrollView, can_focus=True, inherit_bindings=False):
    """The lines. Following holds the end in sight until the reader scrolls up.

    Scrolling goes by lines of the log also where they are wrapped; of a line that is longer than
    the screen the beginning is shown, and all of it at the end of the log.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES = {"log--dim", "log--hit", "log--here"}

    class Told(Message):
        """What stands above the lines is no longer true: their number, or whether they follow."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = LogFile(path)
        self.following = True
        self.wrapping = False
        self.here: int | None = None
        self._widest = 0
        self._to_top = False
        self._painted = False
        self._wrapped: tuple[object, list[tuple[int, int, int]]] = (None, [])

    def on_mount(self) -> None:
        self.poll()

    def on_unmount(self) -> None:
        self.file.close()

    def on_resize(self) -> None:
        self._measure()
        if self.following:
            self.follow(True)

    def poll(self) -> None:
        """Take in what was written since, and look again soon where there was something."""
        grew = self.screen.is_active and self.file.grow()
        if grew:
            self.redraw()
        wait = LIVELY_SECONDS if grew else IDLE_SECONDS
        if grew and not (self.file.whole and self.file.searched):
            wait = BUSY_SECONDS
        if grew and not self._painted:
            self._painted = True
            # The end is painted first, and then the rest of the screen, and the keys answer.
            self.call_after_refresh(self.set_timer, IDLE_SECONDS, self.poll)
        else:
            self.set_timer(wait, self.poll)

    def redraw(self) -> None:
        """Draw what the file holds now; what is read stays where it is."""
        shift = self.file.take_shift()
        self._measure()
        if self.following:
            self._to_end()
        elif shift and not (self.file.needle and self.file.only):
            self.scroll_to(y=0 if self._to_top else self.scroll_y + shift, animate=False)
        self._to_top = self._to_top and not self.file.whole
        self.refresh()
        self.post_message(self.Told())

    def _measure(self) -> None:
        lines = max(self.file.lines, 1)
        if self.wrapping:
            self.virtual_size = Size(self.size.width, self._end_top() + self.size.height)
        else:
            self.virtual_size = Size(self._widest, lines)

    def _to_end(self) -> None:
        self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y and self.following:
            self.follow(False)
        elif new_value >= self.max_scroll_y and not self.following and new_value > old_value:
            self.follow(True)

    def follow(self, on: bool) -> None:
        self.following = on
        if on:
            self._to_end()
        self.post_message(self.Told())

    def wrap(self, on: bool) -> None:
        """Break lines that are wider than the screen, or let them be scrolled sideways."""
        self.wrapping = on
        self._measure()
        if on:
            self.scroll_to(x=0, animate=False)
        if self.following:
            self._to_end()
        self.refresh()

    def to_top(self) -> None:
        self.follow(False)
        self._to_top = not self.file.whole
        self.scroll_to(y=0, animate=False)

    def find(self, step: int) -> bool:
        """Show all lines and go to the next that holds the words; False where there is none."""
        top = self.file.number(round(self.scroll_y))
        self.file.only = False
        start = self.here if self.here is not None else top - (1 if step > 0 else 0)
        found = self.file.hit(start, step)
        self.here = start if found is None and self.here is not None else found
        self.following = False
        self._measure()
        if self.here is not None:
            third = 0 if self.wrapping else self.size.height // 3
            self.scroll_to(y=max(self.here - third, 0), animate=False)
        self.refresh()
        self.post_message(self.Told())
        return found is not None

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        style, width = self.rich_style, self.size.width
        if self.file.lines == 0:
            words = ""
            if y == 0:
                words = " No line holds this." if self.file.needle else " Nothing was written yet."
            dim = self.get_component_rich_style("log--dim")
            return Strip([Segment(words, dim)]).crop_extend(0, width, style)
        if not self.wrapping:
            index = round(top) + y
            text = self.text(index)
            self._widen(cell_len(text.plain))
            strip = self._strip(text, index).crop_extend(x, x + width, style)
            return strip.apply_offsets(x, index)
        rows = self._rows()
        if y >= len(rows):
            return Strip.blank(width, style)
        index, begin, end = rows[y]
        text = self.text(index)
        part = self._strip(text[begin:end], index, begin)
        return part.crop_extend(0, width, style).apply_offsets(begin, index)

    def _widen(self, width: int) -> None:
        if width > self._widest:
            self._widest = width
            self.call_later(self._measure)

    def text(self, index: int) -> Text:
        """A line with its colours; what it holds of the words that are looked for is marked."""
        line = coloured(self.file.line(index))
        text = next(iter(AnsiDecoder().decode(line)), Text()) if "\x1b" in line else Text(line)
        text.no_wrap, text.end = True, ""
        needle = self.file.needle.decode()
        if needle:
            here = not self.file.only and index == self.here
            mark = self.get_component_rich_style("log--here" if here else "log--hit")
            for found in re.finditer(re.escape(needle), text.plain, re.IGNORECASE):
                text.stylize(mark, *found.span())
        return text

    def _strip(self, text: Text, index: int, begin: int = 0) -> Strip:
        selection = self.text_selection
        span = selection.get_span(index) if selection is not None else None
        if span is not None:
            first, last = span
            last = len(text) if last == -1 else last - begin
            mark = self.screen.get_component_rich_style("screen--selection")
            text.stylize(mark, max(first - begin, 0), max(last, 0))
        return Strip(Segment.apply_style(text.render(self.app.console), self.rich_style))

    def _rows(self) -> list[tuple[int, int, int]]:
        """The rows in sight where lines are wrapped: a line, and which characters of it."""
        top = round(self.scroll_y)
        key = (top, self.size, self.file.lines, self.file.only, self.following)
        if self._wrapped[0] != key:
            at_end = self.following or top >= self.max_scroll_y
            self._wrapped = key, self._last_rows() if at_end else self._rows_from(top)
        return self._wrapped[1]

    def _rows_from(self, index: int) -> list[tuple[int, int, int]]:
        rows: list[tuple[int, int, int]] = []
        while len(rows) < self.size.height and index < self.file.lines:
            rows += self._rows_of(index)
            index += 1
        return rows

    def _last_rows(self) -> list[tuple[int, int, int]]:
        rows: list[tuple[int, int, int]] = []
        index = self.file.lines - 1
        while len(rows) < self.size.height and index >= 0:
            rows = self._rows_of(index) + rows
            index -= 1
        return rows[-self.size.height :]

    def _end_top(self) -> int:
        """The line that is first in sight when the last one is last."""
        rows = self._last_rows() if self.size.height else []
        return rows[0][0] if rows else 0

    def _rows_of(self, index: int) -> list[tuple[int, int, int]]:
        rows, at = [], 0
        for part in chop_cells(self.text(index).plain, max(self.size.width, 2)) or [""]:
            rows.append((index, at, at + len(part)))
            at += len(part)
        return rows

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.file.lines - 1
        last = min(last, first + _MOST_SELECTED)
        text = "\n".join(self.text(n).plain for n in range(first, last + 1))
        start = Offset(selection.start.x, 0) if selection.start else None
        end = Offset(selection.end.x, last - first) if selection.end else None
        return Selection(start, end).extract(text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def in_sight(self) -> str:
        """The lines that are shown now, as text."""
        top = round(self.scroll_y)
        if self.wrapping:
            numbers = list(dict.fromkeys(row[0] for row in self._rows()))
        else:
            numbers = list(range(top, min(top + self.size.height, self.file.lines)))
        return "\n".join(self.text(n).plain for n in numbers)
