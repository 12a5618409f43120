"""The check of data: what would refuse a run, what to know before it, labels and lengths."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.containers import Grid
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from fmtui.errors import FmtuiError
from fmtui.services import data_check
from fmtui.services.data_check import CheckReport, Group, grouped
from fmtui.services.text import one_line
from screens.base import Page
from screens.bindings import bindings
from screens.forms.base import pairs
from screens.forms.choices import NO_MODELS, data_options, model_options
from screens.threads import threaded
from screens.widgets.bars import Bar, bars
from screens.widgets.fields import Choice, Field, TextField, options_of
from screens.widgets.notice import Notice
from screens.widgets.picker import Option
from screens.widgets.prose import Prose
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sections import Sections
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

_DELAY = 0.2
"""Seconds without a change before the rows are looked at anew."""


@dataclass(frozen=True)
class Found:
    """A line of the findings: `bad` refuses a run."""

    bad: bool
    group: Group

    @property
    def words(self) -> str:
        group = self.group
        return group.findings[0].message if len(group.findings) == 1 else group.kind


class DataCheckPage(Page):
    """What a check finds in `ref`, a dataset or a path; the rest is what its fields begin with."""

    TAB = "data"
    BINDINGS = bindings("data_check")
    AUTO_FOCUS = ""

    def __init__(self, ref: str, task: str = "", model: str = "") -> None:
        super().__init__()
        self.ref, self.first_task, self.first_model = ref, task, model
        self.report: CheckReport | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Data", Path(self.ref).name, "check")

    def body(self) -> Iterable[Widget]:
        with Grid(id="asked"):
            yield Field(
                "task",
                Choice("Task", self._tasks, value=self.first_task, id="task"),
            )
            yield Field(
                "model",
                Choice("Model", _models, value=self.first_model, none=NO_MODELS, id="model"),
            )
            yield Field(
                "against",
                Choice("Must share no row with", _others, free="file", id="against"),
            )
            yield Field("columns", TextField(hint="text=message, …", id="cols"))
        yield Static(id="head", markup=False)
        yield Sections(
            [
                ("Findings", Findings),
                ("Labels", lambda: Prose(self._labels())),
                ("Lengths", lambda: Prose(self._lengths())),
            ]
        )

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    def on_mount(self) -> None:
        self.sections.focus_part()
        self.start(self._check, group="check")

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self.start(self._check_soon, group="check")

    def on_resize(self) -> None:
        self._show()

    async def _check_soon(self) -> None:
        await asyncio.sleep(_DELAY)
        await self._check()

    async def _check(self) -> None:
        self._head(Content.styled("looking at every row …", MUTED))
        self.report = report = await threaded(
            data_check.check,
            self.ctx,
            self.ref,
            task=self.query_one("#task", Choice).value or None,
            columns=self._columns(),
            model=self.query_one("#model", Choice).value or None,
            against=[a for a in [self.query_one("#against", Choice).value] if a],
        )
        self.top.set(("Data", report.ref, "check"), Content.styled(f"{report.rows:,} rows ", MUTED))
        self.query_one("#task", Choice).look_up()
        self._head(_summary(report))
        self._show()

    def fail(self, error: FmtuiError) -> None:
        self.report = None
        self._head(Content.styled(f"✗ {one_line(str(error))}", "$text-error"))
        self._show()

    def _tasks(self) -> list[Option]:
        guessed = self.report.task if self.report is not None else ""
        free = Option(f"{guessed} (guessed)" if guessed else "guessed", "", "by the columns")
        return [free, *options_of(data_check.TASKS)]

    def _columns(self) -> dict[str, str]:
        return pairs(self.query_one("#cols", TextField).value, "columns")

    def _head(self, words: Content) -> None:
        self.query_one("#head", Static).update(Content.assemble(" ", words))

    def _show(self) -> None:
        findings = self.sections.part("Findings")
        if isinstance(findings, Findings):
            findings.show(self.report)
        for name, words_of in (("Labels", self._labels), ("Lengths", self._lengths)):
            part = self.sections.part(name)
            if isinstance(part, Prose):
                part.set(words_of())

    def _labels(self) -> Content:
        if self.report is None:
            return Content("Looking at every row …")
        classes = self.report.classes
        if not classes:
            return Content("This task has no labels, or none could be read.")
        rows = [Bar(label, count) for label, count in classes]
        head = f"{len(rows):,} labels on {sum(count for _, count in classes):,} examples\n\n"
        return Content.assemble(head, bars(rows, self.size.width - 6))

    def _lengths(self) -> Content:
        if self.report is None:
            return Content("Looking at every row …")
        parts: list[Content] = []
        for lengths in self.report.lengths:
            title, below = _lengths_words(lengths)
            rows = [
                Bar(
                    f"{low:,}–{high:,}",
                    count,
                    "$text-warning" if lengths.limit and low > lengths.limit else MUTED,
                    below if high == lengths.limit else "",
                )
                for low, high, count in lengths.bins
            ]
            shown = bars(rows, self.size.width - 6, right=True)
            parts.append(Content.assemble((title, "bold"), "\n\n", shown))
        return Content("\n").join(parts) if parts else Content("No row could be measured.")

    @on(RecordList.Opened)
    def _open(self, event: RecordList.Opened) -> None:
        found: Found = event.record
        group = found.group
        report = self.report
        if report is None:
            return
        if not group.rows:
            words = "\n\n".join(str(finding) for finding in group.findings)
            self.app.push_screen(Notice(found.words, words))
            return
        from screens.finding import FindingPage

        ref = report.sources.get(group.findings[0].file, self.ref)
        self.app.push_screen(FindingPage(ref, group))

    async def action_ask(self, field: str) -> None:
        """Choose another value of a field, or go to it where it is typed."""
        widget = self.query_one(f"#{field}")
        if isinstance(widget, Choice):
            widget.action_choose()
        else:
            widget.focus()

    def action_copy_command(self) -> None:
        words = ["fmtui", "data", "check", self.ref]
        for field in ("task", "model", "against"):
            value = self.query_one(f"#{field}", Choice).value
            words += [f"--{field}", value] if value else []
        columns = self._columns()
        if columns:
            words += ["--columns", ",".join(f"{k}={v}" for k, v in columns.items())]
        self.copy(shlex.join(words), "the command")

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(self.query_one("#model", Choice).value, self.ref))


class Findings(RecordList[Found]):
    """Findings by kind, errors first, with how many rows each is about."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("finding", lambda f: (f.words, "bad" if f.bad else "")),
                Column("where", _where, width=18, drop=70),
                Column("rows", _count, width=9, right=True),
            ],
            key=lambda f: f"{f.group.findings[0].file} {f.group.kind}",
            mark=lambda f: "✗" if f.bad else "!",
            empty="Looking at every row …",
        )

    def show(self, report: CheckReport | None) -> None:
        """The findings of a report, or of none where it could not be made."""
        self.empty = "" if report is None else f"✓ {report.rows:,} rows, nothing to fix."
        rows = []
        if report is not None:
            rows = [Found(True, group) for group in grouped(report.errors)]
            rows += [Found(False, group) for group in grouped(report.warnings)]
        self.load(Rows(rows))


def _where(found: Found) -> str:
    first = found.group.findings[0]
    place = f"row {first.row:,}" if first.row is not None else ""
    parts = [part for part in (place, first.column) if part]
    return ", ".join(parts) or first.file


def _count(found: Found) -> str:
    return f"{len(found.group.rows):,}" if found.group.rows else "–"


def _summary(report: CheckReport) -> Content:
    roles = ", ".join(
        role if role == column else f"{role} = {column}" for role, column in report.columns.items()
    )
    if report.errors:
        checked = (f"✗ {report.invalid or 1:,} rows refuse a run", "$text-error")
        if not report.rows:
            checked = ("✗ no row could be looked at", "$text-error")
    else:
        checked = ("✓ no fault", "$text-success")
    parts: list[str | tuple[str, str]] = [one_line(roles), "   " if roles else "", checked]
    if report.warnings:
        many = "s" if len(report.warnings) > 1 else ""
        parts += [(f", {len(report.warnings)} warning{many}", "$text-warning")]
    if len(report.splits) > 1:
        shares = "  ".join(f"{one_line(part)} {rows:,}" for part, rows in report.splits.items())
        parts += [("\n " + shares, MUTED)]
    return Content.assemble(*parts)


def _lengths_words(lengths: data_check.Lengths) -> tuple[str, str]:
    """The line above a histogram, and the one at the model's limit."""
    unit = f"{lengths.unit}s"
    title = (
        f"{lengths.part}: {unit} median {lengths.median:,}, 95% up to {lengths.p95:,}, "
        f"longest {lengths.longest:,}"
    )
    beyond = f"{lengths.over:,} beyond"
    fate = "read in windows" if lengths.windows else f"{lengths.cut:.1%} of all {unit} cut"
    return title, f"┄ limit {lengths.limit:,}: {beyond}, {fate}"


def _models() -> list[Option]:
    return [Option("no model", "", "counts words"), *model_options()]


def _others() -> list[Option]:
    return [Option("nothing", ""), *data_options()]
