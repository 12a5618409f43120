"""A dataset's page: its first rows, its columns and labels, and what a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import data
from fmtui.services.data import CheckReport, Preview
from fmtui.services.text import clean, number, one_line, size
from registry.views import DatasetInfo
from screens.base import Page
from screens.bindings import bindings
from screens.data import data_facts
from screens.threads import threaded
from screens.widgets.notice import Notice
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList, fit
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
                ("Labels", lambda: Prose(_labels(self.report))),
                ("Check", lambda: Prose(_findings(self.report))),
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
        self.report = report = await threaded(data.check, self.ctx, self.ref)
        if report.errors:
            self._head(f"✗ {_counted(len(report.errors), 'fault')}: c shows them", "$text-error")
        elif report.warnings:
            self._head(
                f"✓ checked, {_counted(len(report.warnings), 'warning')}: c shows them",
                "$text-warning",
            )
        else:
            self._head("✓ checked", "$text-success")
        for name, words_of in (("Labels", _labels), ("Check", _findings)):
            part = self.sections.part(name)
            if isinstance(part, Prose):
                part.set(words_of(report))

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

    async def action_check(self) -> None:
        await self.sections.choose("Check")

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(train=self.ref))

    def action_remove(self) -> None:
        from screens.widgets.confirm import Confirm

        async def job() -> None:
            await threaded(data.remove, self.ctx, self.ref)
            self.say(f"{self.ref} is removed.")
            self.action_back()

        def answered(yes: bool | None) -> None:
            if yes:
                self.start(job, group="remove")

        self.app.push_screen(
            Confirm(f"Remove {self.ref}?", "The copy here goes; the file it came from stays."),
            answered,
        )


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


def _labels(report: CheckReport | None) -> Content:
    if report is None:
        return Content("Looking at every row …")
    if not report.labels:
        return Content("No labels were found: the check says why.")
    most = max(count for _, count in report.labels)
    parts: list[str | tuple[str, str]] = [f"{len(report.labels)} labels\n\n"]
    for label, count in sorted(report.labels, key=lambda pair: (-pair[1], pair[0])):
        bar = "━" * max(1, round(count / most * 30))
        parts += [f"{fit(one_line(label), 34)} {number(count):>7}  ", (f"{bar}\n", MUTED)]
    return Content.assemble(*parts)


def _findings(report: CheckReport | None) -> Content:
    if report is None:
        return Content("Looking at every row …")
    parts: list[str | tuple[str, str]] = []
    for finding in report.errors[:500]:
        parts += [("✗ ", "$text-error"), f"{clean(str(finding))}\n"]
    for finding in report.warnings[:500]:
        parts += [("! ", "$text-warning"), f"{clean(str(finding))}\n"]
    if not parts:
        parts = [("✓ ", "$text-success"), f"{report.rows:,} rows, nothing to fix.\n"]
    return Content.assemble(*parts)
