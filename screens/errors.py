"""The rows that an evaluation got wrong, the worst first; each opens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import confusions, examples
from fmtui.services.confusions import Confusion
from fmtui.services.examples import Example, Found, Query
from fmtui.services.predictions import Predictions, open_predictions
from fmtui.services.text import one_line
from screens.base import Page
from screens.bindings import bindings
from screens.example import ExamplePage
from screens.example_content import example_content
from screens.threads import threaded
from screens.widgets.record_list import Cell, Column, RecordList
from screens.widgets.search_line import SearchLine
from screens.widgets.sources import Arriving, Rows
from screens.widgets.states import MUTED

_DETAIL = 44
_NUMBER = {"loss": "loss", "confidence": "conf.", "length": "length"}


class ErrorsPage(Page):
    """Reads only the rows in sight, in a thread; the order of all of them is known by numbers."""

    TAB = "runs"
    BINDINGS = bindings("errors")

    def __init__(self, ref: str, query: Query | None = None) -> None:
        super().__init__()
        self.ref = ref
        self.wanted = query or Query()
        self.predictions: Predictions | None = None
        self.found = Found((), None)
        self._pairs: list[Confusion] | None = None
        self._source: Arriving[Example] | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.ref, "errors")

    def body(self) -> Iterable[Widget]:
        yield SearchLine("search in texts, answers and predictions")
        yield Static(id="head", markup=False)
        with Horizontal(id="sides"):
            yield RecordList[Example](
                self._columns(), key=lambda e: str(e.position), mark=_mark, id="records"
            )
            yield Static(id="detail", markup=False)

    @property
    def records(self) -> RecordList[Example]:
        return self.query_one("#records", RecordList)

    def on_mount(self) -> None:
        self.records.focus()
        self.reload()

    def reload(self) -> None:
        """Look for the rows that are asked for now."""
        self._head("looking at every row …")
        self.start(self._find, group="find")

    async def _find(self) -> None:
        if self.predictions is None:
            self.predictions = await threaded(open_predictions, self.ctx, self.ref)
            if self.predictions.task not in examples.JUDGED:
                self.wanted = replace(self.wanted, every=True)
        predictions, query = self.predictions, self.wanted
        self.found = await threaded(examples.find, predictions, query)
        self._source = Arriving(self.found.rows, self._ask, _waiting)
        records = self.records
        records.show_columns(self._columns())
        records.empty = (
            "No row is like this. Press F to take the filter away, a for the rows that are right."
            if query.narrowed or predictions.task in examples.JUDGED
            else "There are no rows."
        )
        records.load(self._source, keep=False)
        self._head()
        self.refresh_bindings()

    def _head(self, words: str = "") -> None:
        query, parts = self.wanted, []
        if query.label is not None:
            parts.append(f"`{one_line(query.label)}`")
        if query.taken_for is not None:
            parts.append(f"taken for `{one_line(query.taken_for)}`")
        if not words:
            kind = "rows" if query.every else "wrong rows"
            words = f"{self.found.rows:,} {kind}"
            if self.found.sort:
                least = "" if self.found.sort == query.sort else f" (no {query.sort} was kept)"
                words += f", by {self.found.sort}{least}"
        self.query_one("#head", Static).update(
            Content.assemble(" ", (" ".join(parts), "bold"), "   " if parts else "", (words, MUTED))
        )

    def _columns(self) -> list[Column[Example]]:
        sort = self.found.sort or "loss"

        def number(example: Example) -> Cell:
            value = getattr(example, sort)
            if value is None:
                return ("–", "dim")
            return f"{value:,}" if sort == "length" else f"{value:.3f}"

        return [
            Column("row", lambda e: f"{e.row if e.row is not None else e.position + 1}",
                   width=7, right=True),
            Column(_NUMBER[sort], number, width=7, right=True),
            Column("truth", lambda e: (e.truth, "good"), width=18),
            Column("prediction", lambda e: (e.prediction, "good" if e.right else "bad"), width=18),
            Column("text", lambda e: e.text),
        ]  # fmt: skip

    def _ask(self, number: int) -> None:
        """A page came into sight: fetch it."""
        source = self._source
        assert source is not None and self.predictions is not None
        first = number * source.LIMIT
        positions = self.found.positions[first : first + source.LIMIT]
        job = partial(self._fetch, source, number, positions)
        self.start(job, group=f"page {number}", wait=True)

    async def _fetch(self, source: Arriving[Example], number: int, positions: Any) -> None:
        assert self.predictions is not None
        rows = await threaded(examples.page, self.predictions, positions)
        source.put(number, rows)
        if source is self._source:
            self.records.refresh()
            self.start(self._show_detail, group="detail")

    @on(RecordList.Moved)
    def _moved(self) -> None:
        self.start(self._show_detail, group="detail")

    async def _show_detail(self) -> None:
        """Beside the list, where there is room: the whole row under the cursor."""
        detail, predictions = self.query_one("#detail", Static), self.predictions
        if not self.has_class("-wide") or predictions is None or not self.found.rows:
            detail.update("")
            return
        position = int(self.found.positions[self.records.cursor])
        record = await threaded(examples.whole, predictions, position)
        detail.update(example_content(predictions.task, record, predictions.labels, _DETAIL))

    @on(RecordList.Opened)
    def _opened(self) -> None:
        if self.predictions is not None:
            page = ExamplePage(self.predictions, self.found.positions, self.records.cursor)
            self.app.push_screen(page)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        task = self.predictions.task if self.predictions else None
        if action == "filter":
            return task in confusions.LABELED
        if action == "clear":
            return self.wanted.narrowed
        if action == "every":
            return task in examples.JUDGED
        return super().check_action(action, parameters)

    def action_every(self) -> None:
        self.wanted = replace(self.wanted, every=not self.wanted.every)
        self.reload()

    async def action_clear(self) -> None:
        self.query_one(SearchLine).query_text = ""
        await self.query_one(SearchLine).close()
        self.wanted = replace(self.wanted, label=None, taken_for=None, text="")
        self.reload()

    async def action_search(self) -> None:
        await self.query_one(SearchLine).edit()

    @on(SearchLine.Changed)
    def _searched(self, event: SearchLine.Changed) -> None:
        self.wanted = replace(self.wanted, text=event.query)
        self.reload()

    @on(SearchLine.Left)
    async def _left(self) -> None:
        self.records.focus()
        await self.query_one(SearchLine).close()

    def action_sort(self) -> None:
        from screens.widgets.picker import Option, Picker

        notes = dict(zip(examples.SORTS, ("worst", "surest", "longest"), strict=True))
        options = [Option(sort, sort, f"the {notes[sort]} first") for sort in examples.SORTS]

        def chosen(option: Option | None) -> None:
            if option is not None:
                self.wanted = replace(self.wanted, sort=option.value)
                self.reload()

        self.app.push_screen(Picker("Order by", options, current=self.wanted.sort), chosen)

    def action_filter(self) -> None:
        self.start(self._pick, group="pick")

    async def _pick(self) -> None:
        from screens.widgets.picker import Option, Picker

        assert self.predictions is not None
        if self._pairs is None:
            self._pairs = await threaded(confusions.confusions, self.predictions)
        options = [
            Option(f"{c.label} → {c.taken_for}", (c.label, c.taken_for), f"{c.rows:,} of {c.of:,}")
            for c in self._pairs[:2000]
        ]
        labels = dict.fromkeys(c.label for c in self._pairs)
        options += [Option(f"{label} → anything", (label, None)) for label in labels]

        def chosen(option: Option | None) -> None:
            if option is not None:
                label, taken_for = option.value
                self.wanted = replace(self.wanted, label=label, taken_for=taken_for)
                self.reload()

        empty = "Nothing was taken for anything else."
        self.app.push_screen(Picker("What was taken for what", options, empty=empty), chosen)


class ConfusionList(RecordList[Confusion]):
    """What was taken for what, the most rows first; a line opens to its rows."""

    def __init__(self, found: Sequence[Confusion]) -> None:
        columns = [
            Column[Confusion]("label", lambda c: (c.label, "good")),
            Column("taken for", lambda c: (c.taken_for, "bad"), width=30),
            Column("rows", lambda c: f"{c.rows:,}", width=9, right=True),
            Column("of its", lambda c: f"{c.of:,}", width=9, right=True, drop=70),
        ]
        super().__init__(
            columns,
            key=lambda c: f"{c.label}\0{c.taken_for}",
            empty="Nothing was taken for anything else.",
        )
        self.load(Rows(found))


def _mark(example: Example) -> str:
    return "✓" if example.right else "✗" if example.right is False else " "


def _waiting(index: int) -> Example:
    """Stands on a line until its row was read."""
    return Example(-1 - index, None, "…", "", "", None, None, None, None)
