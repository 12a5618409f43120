"""A dataset's page: its first rows, its columns and labels, and whether it is fit for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import data, data_check
from fmtui.services.data import Preview
from fmtui.services.data_check import CheckReport
from fmtui.services.text import one_line, size
from registry.views import DatasetInfo
from screens.base import Page
from screens.bindings import bindings
from screens.data import data_facts, remove_data
from screens.threads import threaded
from screens.widgets.bars import Bar, bars
from screens.widgets.notice import Notice
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sections import Sections
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

_SHOWN = 200


class DatasetPage(Page):
    TAB = "data"
    BINDINGS = bindings("dataset")

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref
        self.info: DatasetInfo | None = None
        self.report: CheckReport | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Data", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Static(id="head", markup=False)
        yield Sections(
            [
                ("Rows", lambda: FirstRows(data.preview(self.ctx, self.ref, _SHOWN))),
                ("Labels", lambda: Prose(self._labels())),
                ("About", lambda: Prose(data_facts(data.show(self.ctx, self.ref)))),
            ]
        )

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.start(self._load, group="load", wait=True)

    async def _load(self) -> None:
        self.info = info = await threaded(data.show, self.ctx, self.ref)
        self.ref = info.ref
        words = f"{info.rows:,} rows · {len(info.columns)} columns · {size(info.size_bytes)} "
        self.top.set(("Data", info.ref), Content.styled(words, MUTED))
        self._head("looking at every row …", MUTED)
        self.sections.focus_part()
        self.report = report = await threaded(data_check.check, self.ctx, self.ref)
        if report.errors:
            self._head(f"✗ {_counted(len(report.errors), 'fault')}: c shows them", "$text-error")
        elif report.warnings:
            self._head(
                f"✓ checked, {_counted(len(report.warnings), 'warning')}: c shows them",
                "$text-warning",
            )
        else:
            self._head("✓ checked", "$text-success")
        part = self.sections.part("Labels")
        if isinstance(part, Prose):
            part.set(self._labels())

    def _head(self, checked: str, style: str) -> None:
        columns = self.report.columns if self.report else (self.info.roles if self.info else {})
        roles = ", ".join(f"{role} = {column}" for role, column in columns.items())
        self.query_one("#head", Static).update(
            Content.assemble(" ", one_line(roles), "   " if roles else "", (checked, style))
        )

    @on(RecordList.Opened)
    def _open_row(self, event: RecordList.Opened) -> None:
        if self.info is not None:
            number, cells = event.record
            words = [f"{c}\n{v}\n" for c, v in zip(self.info.columns, cells, strict=False)]
            self.app.push_screen(Notice(f"{self.ref}, row {number}", "\n".join(words)))

    def _labels(self) -> Content:
        if self.report is None:
            return Content("Looking at every row …")
        rows = [Bar(label, count) for label, count in self.report.classes]
        if not rows:
            return Content("This task has no labels, or none could be read: the check says more.")
        return Content.assemble(f"{len(rows)} labels\n\n", bars(rows, self.size.width - 6))

    def action_check(self) -> None:
        from screens.data_check import DataCheckPage

        self.app.push_screen(DataCheckPage(self.ref))

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(train=self.ref))

    def action_remove(self) -> None:
        remove_data(self, self.ref, self.action_back)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


Numbered = tuple[int, list[str]]


class FirstRows(RecordList[Numbered]):
    """The first rows in their columns; the widest column takes what is left."""

    def __init__(self, preview: Preview) -> None:
        rows = list(enumerate(preview.rows, 1))
        spans = [
            max([len(one_line(c)), *(len(one_line(row[i])) for row in preview.rows[:50])])
            for i, c in enumerate(preview.columns)
        ]
        widest = spans.index(max(spans)) if spans else 0
        columns = [Column[Numbered]("", lambda row: str(row[0]), width=4, right=True)]
        for at, name in enumerate(preview.columns):
            width = 0 if at == widest else max(4, min(spans[at], 28))
            columns.append(Column(one_line(name), _cell(at), width=width))
        super().__init__(columns, key=lambda row: str(row[0]), empty="No rows.")
        self.load(Rows(rows))


def _cell(at: int) -> Callable[[Numbered], str]:
    def cell(row: Numbered) -> str:
        return row[1][at] if at < len(row[1]) else ""

    return cell
