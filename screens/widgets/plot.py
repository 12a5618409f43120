"""Curves in braille: each column shows the least and the greatest of its points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textual.content import Content
from textual.widget import Widget

from screens.widgets.states import MUTED

Point = tuple[float, float]
STROKES = ("$text-primary", "$text-success", "$text-warning", "$text-error", "$foreground")
"""The colours of the curves, in their order; a curve is also told by its place in the legend."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_MARGIN = 9


@dataclass(frozen=True)
class Series:
    """A curve: its name and its points (x, value), by x."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class View:
    """How curves are looked at.

    `smooth` is the share of the past in a moving average (0: none); `begin` and `end` are the
    part in sight, as shares of the whole width.
    """

    log: bool = False
    smooth: float = 0.0
    begin: float = 0.0
    end: float = 1.0

    def zoomed(self, times: float) -> View:
        """A part that is so many times as wide, around the middle of this one."""
        middle, half = (self.begin + self.end) / 2, (self.end - self.begin) * times / 2
        half = min(max(half, 0.0005), 0.5)
        middle = min(max(middle, half), 1 - half)
        return replace(self, begin=middle - half, end=middle + half)

    def moved(self, share: float) -> View:
        """The part beside this one, by a share of its width."""
        step = (self.end - self.begin) * share
        step = min(max(step, -self.begin), 1 - self.end)
        return replace(self, begin=self.begin + step, end=self.end + step)


class Plot(Widget):
    """Curves over the same steps, with their bounds on the left and a title between them.

    Args:
        value: How a bound is written, in at most seven cells.
        low: A value that is in sight in any case, such as 0 for what is read from there up.
    """

    def __init__(
        self,
        title: str = "loss",
        *,
        value: Callable[[float], str] = "{:.3g}".format,
        low: float | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.low = low
        self.title_words = title
        self.value = value
        self.series: Sequence[Series] = ()
        self.end: float | None = None
        self.view = View()

    def show(self, series: Sequence[Series], end: float | None = None) -> None:
        """Draw other points; `end` is the last step that there will be."""
        if (series, end) != (self.series, self.end):
            self.series, self.end = series, end
            self.refresh()

    def look(self, view: View) -> None:
        """Look at the same curves in another way."""
        self.view = view
        self.refresh()

    def render(self) -> Content:
        width, height = self.size
        drawn = [s for s in self.series if s.points]
        if not drawn:
            return Content.styled(f" {self.title_words}: no points yet", MUTED)
        if self.view.log and not any(value > 0 for s in drawn for _, value in s.points):
            words = f" {self.title_words}: nothing above zero, as a log axis needs it"
            return Content.styled(words, MUTED)
        drawing = draw(
            [s.points for s in drawn], width - _MARGIN, height, self.view, self.end, self.low
        )
        labels = [""] * height
        labels[0], labels[-1] = self.value(drawing.high), self.value(drawing.low)
        if height > 2:
            labels[height // 2] = self.title_words
        parts: list[str | tuple[str, str]] = []
        for label, row in zip(labels, drawing.rows, strict=True):
            parts.append((f" {label[:7]:>7} ", MUTED))
            parts += [(words, STROKES[of % len(STROKES)]) for words, of in row]
            parts.append("\n")
        return Content.assemble(*parts[:-1])


@dataclass(frozen=True)
class Drawing:
    """Rows of (braille, which curve), and the bounds of what was drawn."""

    rows: list[list[tuple[str, int]]]
    low: float
    high: float


def draw(
    curves: Sequence[Sequence[Point]],
    width: int,
    height: int,
    view: View,
    end: float | None = None,
    least: float | None = None,
) -> Drawing:
    """Curves in `width` x `height` cells, each of 2 x 4 dots; the least value is lowest.

    All points of a column of dots become one stroke from their least to their greatest, and
    strokes are joined, so that ten thousand points cost no more than the width. A cell has the
    colour of the last curve in it.
    """
    first = min(curve[0][0] for curve in curves)
    last = max([end or first, *(curve[-1][0] for curve in curves)])
    begin = first + (last - first) * view.begin
    until = first + (last - first) * view.end
    shown = [_in_sight(_smoothed(curve, view), begin, until, view.log) for curve in curves]
    values = [value for curve in shown for _, value in curve]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    low = low if least is None or view.log else min(low, least)
    cells = [[0] * max(width, 0) for _ in range(height)]
    owners = [[0] * max(width, 0) for _ in range(height)]
    for number, curve in enumerate(shown):
        strokes = _strokes(curve, width * 2, height * 4, (begin, until), (low, high))
        for column, top, bottom in strokes:
            for y in range(top, bottom + 1):
                cells[y // 4][column // 2] |= _DOTS[y % 4][column % 2]
                owners[y // 4][column // 2] = number
    rows = [_joined(row, own) for row, own in zip(cells, owners, strict=True)]
    return Drawing(rows, 10**low if view.log else low, 10**high if view.log else high)


def _smoothed(curve: Sequence[Point], view: View) -> Sequence[Point]:
    """An exponential moving average that is not biased towards its start."""
    if not view.smooth:
        return curve
    result, average, weight = [], 0.0, 0.0
    for x, value in curve:
        average = view.smooth * average + (1 - view.smooth) * value
        weight = view.smooth * weight + (1 - view.smooth)
        result.append((x, average / weight))
    return result


def _in_sight(curve: Sequence[Point], begin: float, until: float, log: bool) -> list[Point]:
    """The points in sight; on a log axis those above zero, as logarithms."""
    inside = [(x, value) for x, value in curve if begin <= x <= until]
    return [(x, math.log10(value)) for x, value in inside if value > 0] if log else inside


def _strokes(
    curve: Sequence[Point],
    columns: int,
    dots: int,
    across: tuple[float, float],
    bounds: tuple[float, float],
) -> list[tuple[int, int, int]]:
    """Upright strokes (column, top, bottom) in dots."""
    if columns < 1:
        return []
    span = (across[1] - across[0]) or 1.0
    reach = (bounds[1] - bounds[0]) or 1.0
    found: dict[int, tuple[int, int, int, int]] = {}
    for x, value in curve:
        column = round((x - across[0]) / span * (columns - 1))
        y = round((bounds[1] - value) / reach * (dots - 1))
        top, bottom, entry, _ = found.get(column, (y, y, y, y))
        found[column] = (min(top, y), max(bottom, y), entry, y)
    strokes: list[tuple[int, int, int]] = []
    before: tuple[int, int] | None = None
    for column, (top, bottom, entry, leave) in sorted(found.items()):
        if before is not None:
            then, y = before
            for between in range(then + 1, column + 1):
                nearer = y + round((entry - y) * (between - then) / (column - then))
                previous = y + round((entry - y) * (between - 1 - then) / (column - then))
                strokes.append((between, min(previous, nearer), max(previous, nearer)))
        strokes.append((column, top, bottom))
        before = column, leave
    return strokes


def _joined(cells: Sequence[int], owners: Sequence[int]) -> list[tuple[str, int]]:
    """A row as runs of cells of one curve."""
    row: list[tuple[str, int]] = []
    for cell, owner in zip(cells, owners, strict=True):
        character = chr(0x2800 + cell)
        if row and row[-1][1] == owner:
            row[-1] = (row[-1][0] + character, owner)
        else:
            row.append((character, owner))
    return row


def thinned(points: Sequence[Point], most: int = 4096) -> Sequence[Point]:
    """At most about `most` points with the same outline: the least and the greatest of each part.

    Runs in a thread, before a plot that is drawn in the screen's own.
    """
    if len(points) <= most:
        return points
    width = -(-len(points) * 2 // most)
    result: list[Point] = []
    for begin in range(0, len(points), width):
        part = points[begin : begin + width]
        low = min(part, key=lambda p: p[1])
        high = max(part, key=lambda p: p[1])
        result += sorted({low, high})
    return result


def legend(names: Sequence[str], view: View) -> Content:
    """The curves' names in their colours, and how they are looked at."""
    parts: list[str | tuple[str, str]] = []
    for number, name in enumerate(names):
        parts += [(" ━ ", STROKES[number % len(STROKES)]), name, " "]
    if view.log:
        parts.append(("  log axis", MUTED))
    if view.smooth:
        parts.append((f"  smoothed {view.smooth:g}", MUTED))
    if view.end - view.begin < 1:
        parts.append((f"  zoom {1 / (view.end - view.begin):.3g}×", MUTED))
    return Content.assemble(*parts)
