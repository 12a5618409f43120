"""The parts of a run's page that are no log: what was measured, used of the machine, and left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fmtui.services.reality import Side
from fmtui.services.text import one_line, size
from registry.views import MetricPoint
from screens.bindings import bindings
from screens.plotting import series_of
from screens.widgets.plot import Plot
from screens.widgets.record_list import fit
from screens.widgets.states import MUTED

_ACROSS = 4
"""Metrics beside each other in 80 columns; more are folded."""

RESOURCES: dict[str, tuple[str, Callable[[float], str]]] = {
    "cpu_percent": ("CPU", lambda v: f"{v:.0f}%"),
    "memory_bytes": ("memory", lambda v: size(round(v)).replace(" ", "")),
    "disk_bytes": ("disk", lambda v: size(round(v)).replace(" ", "")),
    "rows_per_second": ("rows/s", lambda v: f"{v:,.0f}"),
    "gpu_percent": ("GPU", lambda v: f"{v:.0f}%"),
    "gpu_memory_bytes": ("GPU mem", lambda v: size(round(v)).replace(" ", "")),
}
"""Names of the split `system` in their order: the word for it, and how a value is written."""


class Resources(VerticalScroll, can_focus=True, inherit_bindings=False):
    """A small curve for each thing that was used, over seconds; what was not is left out."""

    BINDINGS = bindings("scroll")

    def __init__(self, points: Sequence[MetricPoint], sides: Sequence[Side] = ()) -> None:
        super().__init__()
        self.points = points
        self.sides = sides

    def compose(self) -> ComposeResult:
        yield Static(id="took", markup=False)
        with Grid(id="curves"):
            for name, (word, value) in RESOURCES.items():
                yield Plot(word, value=value, low=0.0, id=name)

    def on_mount(self) -> None:
        self.show(self.points, self.sides)

    def show(self, points: Sequence[MetricPoint], sides: Sequence[Side] = ()) -> None:
        told = self.query_one("#took", Static)
        told.display = bool(sides)
        told.update(sides_content(sides))
        for plot in self.query(Plot):
            found = series_of(points, plot.id or "")
            plot.display = bool(found) or (plot.id == "cpu_percent" and not points)
            plot.show(found)


def sides_content(sides: Sequence[Side]) -> Content:
    """What a run took, of what was estimated for it."""
    parts: list[str | tuple[str, str]] = [("took  ", MUTED)]
    for side in sides:
        parts += [(f"{side.name} ", MUTED), f"{side.words()}  "]
    return Content.assemble(*parts)


def resource_facts(points: Sequence[MetricPoint]) -> list[tuple[str, str]]:
    """What is used now, as short words: for the side of a page."""
    last = {p.name: p.value for p in points}
    return [
        (RESOURCES[name][0], RESOURCES[name][1](last[name])) for name in RESOURCES if name in last
    ]


def files_content(files: Sequence[tuple[str, int]]) -> Content:
    """Names and sizes of what lies in a run's folder."""
    if not files:
        return Content("The folder is gone.")
    parts: list[str | tuple[str, str]] = []
    for name, length in files:
        parts += [(f"{size(length):>10}  ", MUTED), f"{one_line(name)}\n"]
    parts.append((f"{size(sum(length for _, length in files)):>10}", MUTED))
    return Content.assemble(*parts)


def metrics_content(points: Sequence[MetricPoint], report: dict[str, Any] | None) -> Content:
    """All that was measured on rows held out, by step; then what an evaluation found."""
    held = [p for p in points if p.split != "train"] or list(points)
    if not held:
        return Content("Nothing was measured yet.")
    names = list(dict.fromkeys(p.name for p in held))
    table: dict[tuple[int, str], dict[str, float]] = {}
    for point in held:
        table.setdefault((point.step, point.split), {})[point.name] = point.value
    parts: list[str | tuple[str, str]] = []
    for at in range(0, len(names), _ACROSS):
        shown = names[at : at + _ACROSS]
        head = f"{'step':>7}  {'split':<11}" + "".join(f" {fit(n, 12, right=True)}" for n in shown)
        parts.append((f"{head}\n" if not at else f"\n{head}\n", MUTED))
        for (step, split), values in table.items():
            cells = "".join(f"{values[n]:>13.4g}" if n in values else f"{'–':>13}" for n in shown)
            parts.append(f"{step:>7}  {one_line(split):<11}{cells}\n")
    return Content.assemble(*parts, *_by_label(report or {}))


def _by_label(report: dict[str, Any]) -> list[str | tuple[str, str]]:
    """An evaluation's figures by label, the worst first, with what each is taken for most."""
    labels: list[str] = report.get("labels") or []
    matrix: list[list[int]] = report.get("confusion_matrix") or []
    found = sorted(report.get("per_label") or [], key=lambda row: row["f1"])
    if not found:
        return []
    head = f"{'label':<30} {'rows':>6} {'precision':>10} {'recall':>7} {'F1':>7}   taken for\n"
    parts: list[str | tuple[str, str]] = ["\n", (head, MUTED)]
    for row in found:
        wrong = _most_wrong(labels, matrix, row["label"])
        parts.append(
            f"{one_line(row['label']):<30.30} {row['rows']:>6,} {row['precision']:>10.3f}"
            f" {row['recall']:>7.3f} {row['f1']:>7.3f}   {one_line(wrong)}\n"
        )
    return parts


def _most_wrong(labels: list[str], matrix: list[list[int]], label: str) -> str:
    """The label that most rows of `label` were taken for by mistake, with their number."""
    if label not in labels or len(matrix) != len(labels):
        return ""
    at = labels.index(label)
    count, other = max((n, i) for i, n in enumerate(matrix[at]) if i != at or len(labels) == 1)
    return f"{labels[other]} {count}" if count and other != at else ""
