"""A curve in braille: each column shows the least and the greatest of its points."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from screens.widgets.states import MUTED

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class LossPlot(Widget):
    """Points (step, value) as a line over all steps, with its bounds on the left."""

    def __init__(self, title: str = "loss") -> None:
        super().__init__()
        self.title_words = title
        self.points: Sequence[tuple[float, float]] = ()
        self.end: float | None = None

    def show(self, points: Sequence[tuple[float, float]], end: float | None = None) -> None:
        """Draw other points; `end` is the last step that there will be."""
        if (points, end) != (self.points, self.end):
            self.points, self.end = points, end
            self.refresh()

    def render(self) -> Content:
        width, height = self.size
        if not self.points:
            return Content.styled(f" {self.title_words}: no points yet", MUTED)
        low, high = min(v for _, v in self.points), max(v for _, v in self.points)
        labels = [""] * height
        labels[0], labels[-1] = f"{high:.3g}", f"{low:.3g}"
        labels[height // 2] = self.title_words
        rows = braille(self.points, width - 9, height, end=self.end)
        parts: list[str | tuple[str, str]] = []
        for label, row in zip(labels, rows, strict=True):
            parts += [(f" {label:>6} ", MUTED), (row, "$text-primary"), "\n"]
        return Content.assemble(*parts[:-1])


def braille(
    points: Sequence[tuple[float, float]], width: int, height: int, *, end: float | None = None
) -> list[str]:
    """Lines of braille, `width` x `height` cells, each of 2 x 4 dots; the least value is lowest.

    All points of a column of dots become one stroke from their least to their greatest, and
    strokes are joined, so that ten thousand points cost no more than the width.
    """
    columns, dots = width * 2, height * 4
    if columns < 1 or not points:
        return [""] * height
    low, high = min(v for _, v in points), max(v for _, v in points)
    first = min(x for x, _ in points)
    last = max([end or first, *(x for x, _ in points)])
    span, reach = (last - first) or 1.0, (high - low) or 1.0
    strokes: dict[int, tuple[int, int, int, int]] = {}
    for x, value in sorted(points):
        column = round((x - first) / span * (columns - 1))
        y = round((high - value) / reach * (dots - 1))
        if column in strokes:
            top, bottom, entry, _ = strokes[column]
            strokes[column] = (min(top, y), max(bottom, y), entry, y)
        else:
            strokes[column] = (y, y, y, y)
    cells = [[0] * width for _ in range(height)]

    def stroke(column: int, top: int, bottom: int) -> None:
        for y in range(top, bottom + 1):
            cells[y // 4][column // 2] |= _DOTS[y % 4][column % 2]

    before: tuple[int, int] | None = None
    for column, (top, bottom, entry, leave) in sorted(strokes.items()):
        if before is not None:
            then, y = before
            for between in range(then + 1, column + 1):
                nearer = y + round((entry - y) * (between - then) / (column - then))
                previous = y + round((entry - y) * (between - 1 - then) / (column - then))
                stroke(between, min(previous, nearer), max(previous, nearer))
        stroke(column, top, bottom)
        before = column, leave
    return ["".join(chr(0x2800 + cell) for cell in row) for row in cells]
