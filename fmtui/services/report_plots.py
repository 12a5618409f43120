"""The report's plots as SVG: elements of a tree, so that what comes from data is always escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from fmtui.services.report import Bin, LabelFigures, Report, Slice
from fmtui.services.text import decimals, one_line

_MOST_LABELS = 100
_MOST_BARS = 40


def _svg(width: float, height: float, title: str) -> Element:
    box = f"0 0 {width:g} {height:g}"
    svg = Element("svg", {"viewBox": box, "role": "img", "style": f"max-width:{width:g}px"})
    SubElement(svg, "title").text = title
    return svg


def _text(svg: Element, x: float, y: float, words: str, *, anchor: str = "start", size: float = 12,
          style: str = "label") -> Element:  # fmt: skip
    element = SubElement(
        svg,
        "text",
        {
            "x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor,
            "font-size": f"{size:g}", "class": style,
        },
    )  # fmt: skip
    element.text = one_line(words)
    return element


def _line(svg: Element, x1: float, y1: float, x2: float, y2: float, style: str = "rule") -> None:
    at = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    SubElement(svg, "line", {k: f"{v:.1f}" for k, v in at.items()} | {"class": style})


def _box(svg: Element, x: float, y: float, width: float, height: float, style: str,
         tip: str = "", shade: float = 1.0) -> None:  # fmt: skip
    at = {"x": x, "y": y, "width": max(width, 0), "height": max(height, 0)}
    rect = SubElement(svg, "rect", {k: f"{v:.1f}" for k, v in at.items()} | {"class": style})
    if shade < 1:
        rect.set("fill-opacity", f"{shade:.2f}")
    if tip:
        SubElement(rect, "title").text = one_line(tip)


def short(words: str, most: int) -> str:
    """Words on one line, cut with an ellipsis."""
    words = one_line(words)
    return words if len(words) <= most else words[: most - 1] + "…"


def calibration(bins: Sequence[Bin]) -> Element:
    """Accuracy over confidence, the diagonal where both agree, and how many rows each bin has."""
    svg = _svg(500, 400, "Calibration: accuracy over confidence")
    left, top, side = 48.0, 12.0, 300.0
    for tick in range(0, 6):
        at = tick / 5
        _line(svg, left, top + side * (1 - at), left + side, top + side * (1 - at))
        _text(svg, left - 6, top + side * (1 - at) + 4, f"{at:.1f}", anchor="end", size=11)
        _text(svg, left + side * at, top + side + 68, f"{at:.1f}", anchor="middle", size=11)
    _line(svg, left, top + side, left + side, top, "diagonal")
    most = max((b.rows for b in bins), default=1)
    for b in bins:
        x, width = left + side * b.low + 1, side * (b.high - b.low) - 2
        tip = f"{b.rows:,} rows: confidence {b.confidence:.3f}, {b.accuracy:.3f} right"
        _box(svg, x, top + side * (1 - b.accuracy), width, side * b.accuracy, "bar", tip, 0.75)
        _line(
            svg,
            x,
            top + side * (1 - b.confidence),
            x + width,
            top + side * (1 - b.confidence),
            "mark",
        )
        height = 40 * b.rows / most
        _box(svg, x, top + side + 52 - height, width, height, "count", tip)
    _text(
        svg, left + side / 2, top + side + 86, "confidence (below the plot: rows)", anchor="middle"
    )
    _text(svg, left + side + 8, top + 12, "as promised", style="muted", size=11)
    return svg


def heat_map(report: Report) -> Element | None:
    """The confusion matrix, darker where more of a label's rows are; None where there is none.

    Of many labels only those that are confused most are drawn.
    """
    if not report.confusion:
        return None
    chosen = most_confused(report, _MOST_LABELS)
    count = len(chosen)
    cell = max(8.0, min(36.0, 640 / count))
    size = min(12.0, cell - 1)
    names = [short(report.labels[i], 28) for i in chosen]
    margin = 12 + max(len(name) for name in names) * size * 0.6
    width = margin + count * cell + 8
    svg = _svg(
        width,
        margin + count * cell + 24,
        "Confusion: row is the label, column what it was taken for",
    )
    for at, i in enumerate(chosen):
        total = sum(report.confusion[i]) or 1
        y = margin + at * cell
        _text(svg, margin - 6, y + cell / 2 + size * 0.35, names[at], anchor="end", size=size)
        label = _text(svg, 0, 0, names[at], size=size)
        label.set(
            "transform", f"translate({margin + (at + 0.7) * cell:.1f},{margin - 6:.1f}) rotate(-90)"
        )
        for column, j in enumerate(chosen):
            rows = report.confusion[i][j]
            if not rows:
                continue
            x, share = margin + column * cell, rows / total
            style = "right" if i == j else "wrong"
            tip = f"{report.labels[i]} taken for {report.labels[j]}: {rows:,} of {total:,} rows"
            _box(svg, x + 0.5, y + 0.5, cell - 1, cell - 1, style, tip, 0.2 + 0.8 * share**0.5)
            if cell >= 26:
                ink = "dark" if share > 0.4 else "label"
                _text(svg, x + cell / 2, y + cell / 2 + 4, f"{rows}", anchor="middle", size=11,
                      style=ink).set("pointer-events", "none")  # fmt: skip
    for at in range(count + 1):
        _line(svg, margin, margin + at * cell, margin + count * cell, margin + at * cell)
        _line(svg, margin + at * cell, margin, margin + at * cell, margin + count * cell)
    return svg


def most_confused(report: Report, most: int) -> list[int]:
    """The places of the labels to draw, in their order: all, or those in the most mistakes."""
    count = len(report.labels)
    if count <= most:
        return list(range(count))
    wrong = [0] * count
    for i, row in enumerate(report.confusion):
        for j, rows in enumerate(row):
            if i != j:
                wrong[i] += rows
                wrong[j] += rows
    return sorted(sorted(range(count), key=lambda i: -wrong[i])[:most])


def label_bars(rows: Sequence[LabelFigures], unit: str) -> Element:
    """F1 of each label, the worst first; `unit` is what its `rows` count."""
    shown = sorted(rows, key=lambda row: row.f1)[:_MOST_BARS]
    svg = _svg(740, 18 * len(shown) + 34, "F1 by label, the worst first")
    left, room = 220.0, 380.0
    for tick in range(0, 6):
        x = left + room * tick / 5
        _line(svg, x, 6, x, 18 * len(shown) + 10)
        _text(svg, x, 18 * len(shown) + 26, f"{tick / 5:.1f}", anchor="middle", size=11)
    for at, row in enumerate(shown):
        y = 8.0 + 18 * at
        tip = (
            f"{row.label}: F1 {row.f1:.3f}, precision {row.precision:.3f}, recall {row.recall:.3f}"
            f", {row.rows:,} {unit}"
        )
        _text(svg, left - 8, y + 12, short(row.label, 32), anchor="end", size=11)
        _box(svg, left, y + 2, room * row.f1, 12, "bar", tip)
        _text(
            svg,
            left + room + 12,
            y + 12,
            f"{row.f1:.3f}   {row.rows:,} rows",
            size=11,
            style="muted",
        )
    return svg


def _step(most: float) -> float:
    """A quarter of an axis that reaches `most`, in a round number."""
    quarter = max(most / 4, 1e-9)
    power = 10.0 ** math.floor(math.log10(quarter))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= quarter * 0.9999)


def by_length(slices: Sequence[Slice], metric: str, whole: float | None) -> Element:
    """One metric in each slice, with the value on all rows as a line."""
    values = [s.metrics.get(metric) for s in slices]
    step = _step(max([v for v in values if v is not None] + [whole or 0.0]) * 1.08)
    top = 4 * step
    svg = _svg(max(320, 96 * len(slices) + 60), 250, f"{metric} by length")
    left, bottom, height = 52.0, 200.0, 180.0
    for tick in range(0, 5):
        y = bottom - height * tick / 4
        _line(svg, left, y, left + 96 * len(slices), y)
        _text(svg, left - 6, y + 4, f"{step * tick:.3g}", anchor="end", size=11)
    mark = None if whole is None else bottom - height * whole / top
    for at, (part, value) in enumerate(zip(slices, values, strict=True)):
        x = left + 96 * at + 20
        name = part.name.removeprefix("length ")
        _text(svg, x + 28, bottom + 18, name, anchor="middle", size=11)
        _text(
            svg, x + 28, bottom + 34, f"{part.rows:,} rows", anchor="middle", size=11, style="muted"
        )
        if value is not None:
            reach = height * value / top
            _box(svg, x, bottom - reach, 56, reach, "bar", f"{part.name}: {metric} {value:.4g}")
            inside = reach > 24
            y = bottom - reach + (16 if inside else -4)
            if mark is not None and y - 12 < mark < y + 4:  # the line would strike it through
                y = mark + 15 if inside and bottom - mark > 20 else mark - 5
            ink = "dark" if inside else "label"
            _text(svg, x + 28, y, decimals(value), anchor="middle", size=11, style=ink)
    if mark is not None:
        _line(svg, left, mark, left + 96 * len(slices), mark, "mark")
    return svg
