"""Runs side by side: what was measured, what was asked for, and their curves over each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import compare, runs
from fmtui.services.compare import BEST, Comparison
from fmtui.services.text import one_line
from registry.views import MetricPoint
from screens.base import Page
from screens.bindings import bindings
from screens.plotting import PlotKeys, names_of, series_of
from screens.threads import threaded
from screens.widgets.plot import Plot, Series, View, legend
from screens.widgets.prose import Prose
from screens.widgets.record_list import fit
from screens.widgets.states import MUTED


class ComparePage(PlotKeys, Page):
    """Two runs or more, by their names."""

    TAB = "runs"
    BINDINGS = bindings("compare", "plot")

    def __init__(self, refs: Sequence[str]) -> None:
        super().__init__()
        self.refs = list(refs)
        self.found: Comparison | None = None
        self.every = False
        self.curve = "loss"
        self._points: list[tuple[MetricPoint, ...]] = []

    def crumbs(self) -> Sequence[str]:
        return ("Runs", f"compare {' '.join(self.refs)}")

    def body(self) -> Iterable[Widget]:
        yield Static(id="legend", markup=False)
        yield Plot("loss", id="over")
        yield Prose(id="table")

    def on_mount(self) -> None:
        self.query_one(Prose).focus()
        self.start(self._load, group="load")

    async def _load(self) -> None:
        self.found = await threaded(compare.compare, self.ctx, self.refs)
        self._points = [
            tuple(await threaded(runs.metrics, self.ctx, run)) for run in self.found.runs
        ]
        names = self._names()
        self.curve = names[0] if names else self.curve
        rows = self.found.rows
        right = f"same {rows:,} test rows " if rows is not None else ""
        self.top.set(right=Content.styled(right, MUTED))
        self._table()
        self._draw()

    def on_resize(self) -> None:
        self._table()

    def _names(self) -> list[str]:
        found = dict.fromkeys(name for points in self._points for name in names_of(points))
        return sorted(found, key=lambda name: name != "loss")

    def _table(self) -> None:
        if self.found is not None:
            table = self.query_one(Prose)
            table.set(table_content(self.found, self.size.width - 4, every=self.every))

    def _draw(self) -> None:
        assert self.found is not None
        series, short = [], []
        for run, points in zip(self.found.runs, self._points, strict=True):
            curves = series_of(points, self.curve)
            if curves:
                longest = max(curves, key=lambda s: len(s.points))
                series.append(Series(f"{run} {longest.name} {self.curve}", longest.points))
                short.append(run)
        plot, shown = self.query_one(Plot), self.query_one("#legend", Static)
        plot.display = shown.display = bool(self._names())
        plot.title_words = self.curve[:7]
        plot.show(series)
        names = [one_line(s.name) for s in series]
        fits = legend(names, self.view).cell_length <= shown.size.width
        shown.update(legend(names if fits else short, self.view))

    def look(self, view: View) -> None:
        super().look(view)
        if self.found is not None:
            self._draw()

    def action_next_curve(self) -> None:
        names = self._names()
        if names:
            at = names.index(self.curve) + 1 if self.curve in names else 0
            self.curve = names[at % len(names)]
            self._draw()

    def action_every(self) -> None:
        self.every = not self.every
        self._table()


def table_content(found: Comparison, width: int, *, every: bool) -> Content:
    """Metrics with the best in bold, the finding in words, then the settings that differ.

    Runs that do not fit side by side stand below each other.
    """
    measured, settings = found.measured(), found.parameters(every=every)
    names = max(cell_len(name) for name, _ in [*measured, *settings]) + 2
    cells = [len(c) for _, row in [*measured, *settings] for c in row]
    column = max(9, min(max(cells) + 2, (width - names) // len(found.runs)))
    abreast = max(1, (width - names) // column)
    parts: list[str | tuple[str, str]] = []

    def rows(table: Sequence[tuple[str, Sequence[str]]], first: int) -> None:
        for name, row in table:
            parts.append((f"{one_line(name):<{names}}", MUTED))
            for cell in row[first : first + abreast]:
                words = fit(one_line(cell), column - 1) + " "
                parts.append((words, "bold" if BEST in cell else ""))
            parts.append("\n")

    def blocks(table: Sequence[tuple[str, Sequence[str]]]) -> None:
        for first in range(0, len(found.runs), abreast):
            parts.append((" " * names, ""))
            parts.extend((fit(run, column), "bold") for run in found.runs[first : first + abreast])
            parts.append("\n")
            rows(table, first)
            parts.append("\n")

    blocks(measured)
    words = [test.sentence() for test in found.tests] + ([found.note] if found.note else [])
    parts += [f"{one_line(sentence)}\n" for sentence in words]
    parts.append("\n" if words else "")
    if abreast < len(found.runs) and settings:
        blocks(settings)
    else:  # below the heads of the metrics
        rows(settings, 0)
    if not settings:
        parts.append(("All settings are the same.\n", MUTED))
    if not every and found.same:
        parts.append(("Only the settings that differ are shown; a shows all.", MUTED))
    return Content.assemble(*parts)
