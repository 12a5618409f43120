"""The report of an evaluation: metrics with intervals, labels, confusion, length, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual import on
from textual.content import Content
from textual.widget import Widget

from fmtui.errors import FmtuiError
from fmtui.services import confusions, report, report_page
from fmtui.services.confusions import Confusion
from fmtui.services.examples import Query
from fmtui.services.predictions import open_predictions
from fmtui.services.report import LabelFigures, Report
from fmtui.services.text import one_line
from screens.base import Page
from screens.bindings import bindings
from screens.errors import ConfusionList, ErrorsPage
from screens.report_parts import calibration_content, length_content, metrics_content
from screens.threads import threaded
from screens.widgets.matrix import Matrix
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sections import Sections
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

Part = tuple[str, Callable[[], Widget]]

_MOST_CELLS = 30
"""Labels up to which the confusion is shown as a matrix too."""

_ORDERS: dict[str, Callable[[LabelFigures], Any]] = {
    "F1, the worst first": lambda row: row.f1,
    "F1, the best first": lambda row: -row.f1,
    "precision, the worst first": lambda row: row.precision,
    "recall, the worst first": lambda row: row.recall,
    "rows, the most first": lambda row: -row.rows,
    "rows, the fewest first": lambda row: row.rows,
    "label": lambda row: row.label.lower(),
}


class ReportPage(Page):
    TAB = "runs"
    BINDINGS = bindings("report")

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self.report: Report | None = None
        self.order = next(iter(_ORDERS))
        self._confusions: list[Confusion] = []

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.ref, "report")

    def body(self) -> Iterable[Widget]:
        yield Prose("Reading the report …", id="words")

    def on_mount(self) -> None:
        self.start(self._load, group="load")

    def fail(self, error: FmtuiError) -> None:
        """The page itself says why there is nothing on it."""
        if self.report is None:
            self.query_one("#words", Prose).set(str(error))
        else:
            super().fail(error)

    async def _load(self) -> None:
        self.report = found = await threaded(report.report_of, self.ctx, self.ref)
        words = f"{found.model} on {found.data} · {found.rows:,} rows "
        self.top.set(("Runs", found.run, "report"), Content.styled(one_line(words) + " ", MUTED))
        if found.task in confusions.LABELED:
            self._confusions = await threaded(self._read_confusions)
        await self.query_one("#words", Prose).remove()
        await self.mount(Sections(self._parts(found)), before="KeyBar")
        self.query_one(Sections).focus_part()
        self.refresh_bindings()

    def _read_confusions(self) -> list[Confusion]:
        try:
            return confusions.confusions(open_predictions(self.ctx, self.ref))
        except FmtuiError:  # the rows are gone: the report alone is shown
            return []

    def _parts(self, found: Report) -> list[Part]:
        width = self.size.width - 4
        parts: list[Part] = [("Metrics", lambda: Prose(metrics_content(found)))]
        if found.per_label:
            parts.append(("Labels", lambda: LabelList(found, self.order)))
        if found.task in confusions.LABELED:
            parts.append(("Confusion", lambda: ConfusionList(self._confusions)))
        if found.confusion and len(found.labels) <= _MOST_CELLS:
            parts.append(("Matrix", lambda: Matrix(found.labels, found.confusion)))
        if found.slices:
            parts.append(("Length", lambda: Prose(length_content(found, width))))
        if found.calibration:
            parts.append(("Calibration", lambda: Prose(calibration_content(found, width))))
        return parts

    @on(RecordList.Opened)
    def _opened(self, event: RecordList.Opened) -> None:
        record = event.record
        if isinstance(record, Confusion):
            self._open(Query(record.label, record.taken_for))
        elif isinstance(record, LabelFigures):
            self._open(Query(record.label))

    @on(Matrix.Opened)
    def _opened_cell(self, event: Matrix.Opened) -> None:
        right = event.label == event.taken_for
        self._open(Query(event.label, event.taken_for, every=right))

    def _open(self, query: Query | None = None) -> None:
        self.app.push_screen(ErrorsPage(self.ref, query))

    def action_errors(self) -> None:
        self._open()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "sort":
            return any(isinstance(w, LabelList) and w.display for w in self.query(LabelList))
        if action in ("errors", "write"):
            return self.report is not None
        return super().check_action(action, parameters)

    def action_sort(self) -> None:
        from screens.widgets.picker import Option, Picker

        def chosen(option: Option | None) -> None:
            if option is not None:
                self.order = option.value
                for labels in self.query(LabelList):
                    labels.sort(self.order)

        options = [Option(name, name) for name in _ORDERS]
        self.app.push_screen(Picker("Order by", options, current=self.order), chosen)

    def action_write(self) -> None:
        async def job() -> None:
            target = self.ctx.home.runs / self.ref / "output" / "report.html"
            await threaded(report_page.write, self.ctx, self.ref, target)
            self.say(f"Written to {target}")

        self.start(job, group="write")


class LabelList(RecordList[LabelFigures]):
    """Figures of each label; one opens to its rows that went wrong."""

    def __init__(self, found: Report, order: str) -> None:
        columns = [
            Column[LabelFigures]("label", lambda r: r.label),
            Column(found.unit, lambda r: f"{r.rows:,}", width=8, right=True),
            Column("precision", lambda r: f"{r.precision:.3f}", width=9, right=True),
            Column("recall", lambda r: f"{r.recall:.3f}", width=7, right=True),
            Column("F1", lambda r: f"{r.f1:.3f}", width=6, right=True),
            Column("", lambda r: ("━" * round(r.f1 * 20), "dim"), width=20, drop=76),
        ]
        super().__init__(columns, key=lambda r: r.label)
        self._rows = found.per_label
        self.sort(order)

    def sort(self, order: str) -> None:
        """Show the labels in one of the page's orders."""
        rows: list[LabelFigures] = sorted(self._rows, key=_ORDERS[order])
        self.load(Rows(rows))
