"""The runs, each in the state that its folder proves: searched, filtered and ordered as wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import queue, runs
from fmtui.services.runs import ENDED, Proof, Wanted
from fmtui.services.text import ago, one_line
from registry.views import RunInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import FIGURES, LETTERS, TIMES, Listing, Order
from screens.run_actions import can, cancel_run, open_run, resume_run, tag_runs
from screens.run_columns import run_columns, took
from screens.threads import threaded
from screens.widgets.record_list import Column
from screens.widgets.sources import Keyed
from screens.widgets.states import MUTED, state_content

FACETS = ("state", "kind", "model", "tag")


class RunsScreen(Listing[RunInfo]):
    """Reads the runs in sight from the registry, so that ten thousand cost no more than ten."""

    TAB = "runs"
    HINT = "search the runs"
    BINDINGS = bindings("runs")
    ORDERS = {
        name: Order[RunInfo](words, down=runs.goes_down(name))
        for name, words in {
            "run": ("oldest first", "newest first"),
            "kind": LETTERS,
            "model": LETTERS,
            "data": LETTERS,
            "state": LETTERS,
            "took": ("shortest first", "longest first"),
            "result": FIGURES,
            "loss": FIGURES,
            "backend": LETTERS,
            "name": LETTERS,
            "created": TIMES,
            "ended": TIMES,
        }.items()
    }
    EMPTY = (
        "No runs yet. Press f on a model to finetune it, or try `make demo`.\n"
        "Press 2 for the models here."
    )

    def __init__(self) -> None:
        super().__init__()
        self.filters: dict[str, str] = {}
        self.marked: list[str] = []
        self.reasons: Mapping[str, str] = {}
        self._proofs: Mapping[int, Proof] = {}
        self._shown: Keyed[RunInfo] | None = None

    def above(self) -> Iterable[Widget]:
        yield Static(self._filter_line(), id="filters", markup=False)

    @property
    def wanted(self) -> Wanted:
        """What the filters and the search ask for."""
        state, kind, model, tag = (self.filters.get(facet) for facet in FACETS)
        tags = (tag,) if tag else ()
        return Wanted(state=state, kind=kind, model=model, tags=tags, query=self.line.query_text)

    def columns(self) -> Sequence[Column[RunInfo]]:
        return run_columns(lambda run: self.reasons.get(run.run))

    def source(self) -> Keyed[RunInfo]:
        return self._read(self.wanted, self.sorted, self.records.cursor)

    def _read(self, wanted: Wanted, order: tuple[str, bool], beside: int) -> Keyed[RunInfo]:
        ids = runs.order_runs(self.ctx, wanted, order=order[0], down=order[1])
        proofs = self._proofs
        return Keyed(ids, lambda some: runs.read_runs(self.ctx, some, proofs), beside)

    async def _reload(self) -> None:
        self._proofs = await threaded(runs.reap, self.ctx)
        reasons = await threaded(queue.reasons, self.ctx)
        asked = self.wanted, self.sorted
        found = await threaded(self._read, *asked, self.records.cursor)
        changed = (found, reasons) != (self._shown, self.reasons)
        self.reasons = reasons
        if asked != (self.wanted, self.sorted):
            return  # another list was asked for meanwhile, and is shown already
        if changed:
            self._draw(found, keep=True)
        elif any(run.state not in ENDED for run in found.seen()):
            self.records.refresh()  # the time that they took goes on

    def show(self, *, keep: bool = True) -> None:
        self._draw(self.source(), keep=keep)

    def _draw(self, source: Keyed[RunInfo], *, keep: bool) -> None:
        self._shown = source
        self.query_one("#filters", Static).update(self._filter_line())
        narrowed = self.wanted != Wanted()
        self.records.empty = (
            "No run is like this. Press F to take the filters away, or esc in the search."
            if narrowed
            else self.EMPTY
        )
        self.records.ordered = self.sorted
        self.records.load(source, keep=keep)
        whole = len(runs.order_runs(self.ctx)) if narrowed else source.total
        self.line.show_count(
            f"{source.total} of {whole}" if source.total != whole else str(whole or "")
        )

    def mark(self, record: RunInfo) -> str:
        return "●" if record.run in self.marked else " "

    def key(self, record: RunInfo) -> str:
        return record.run

    def detail(self, record: RunInfo) -> Content:
        heading = Content.styled(f"{record.run}  {record.kind}", "bold")
        table = facts(
            ("state", state_content(record.state)),
            ("waits", self.reasons.get(record.run)),
            ("tags", " ".join(record.tags)),
            ("model", record.model),
            ("data", record.data),
            ("task", record.task),
            ("backend", record.backend if record.backend != "local" else None),
            ("made", record.output),
            ("created", ago(record.created)),
            ("took", took(record)),
            *((name, f"{value:.4g}") for name, value in record.metrics.items()),
            ("error", record.error),
        )
        return Content("\n\n").join([heading, table])

    def open(self, record: RunInfo) -> None:
        open_run(self.app, record.run)

    def _filter_line(self) -> Content:
        parts: list[str | tuple[str, str]] = [" "]
        for facet in FACETS:
            value = self.filters.get(facet)
            parts += [(f"{facet} ", MUTED)]
            parts += [(one_line(value).replace("_", " "), "bold") if value else ("any", MUTED)]
            parts += ["   "]
        if order := self.order_words():
            parts += [("order ", MUTED), (order, "bold"), "   "]
        if self.marked:
            parts += [(f"● {len(self.marked)} marked", "bold")]
        return Content.assemble(*parts)

    def action_filter(self) -> None:
        from screens.widgets.picker import Option, Picker

        options = [Option("all filters off", ("", ""))] if self.filters else []
        known = runs.facets(self.ctx)
        for facet in FACETS:
            options += [
                Option(f"{facet} {value.replace('_', ' ')}", (facet, value), f"{count:,}")
                for value, count in known[facet]
            ]

        def chosen(option: Option | None) -> None:
            if option is not None:
                facet, value = option.value
                self.filters = {**self.filters, facet: value} if facet else {}
                self.show(keep=False)

        self.app.push_screen(Picker("Show only", options), chosen)

    def action_clear(self) -> None:
        self.filters = {}
        self.show()

    def action_mark(self) -> None:
        if self.record is not None:
            run = self.record.run
            if run in self.marked:
                self.marked.remove(run)
            else:
                self.marked.append(run)
            self.show()
            self.records.action_move(1)
            self.refresh_bindings()

    def action_compare(self) -> None:
        from screens.compare import ComparePage

        self.app.push_screen(ComparePage(sorted(self.marked, key=lambda run: int(run[1:]))))

    def action_queue(self) -> None:
        from screens.queue import QueueScreen

        self.app.push_screen(QueueScreen())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "compare":
            return len(self.marked) > 1
        record = self.record if self.is_mounted and self.query("#records") else None
        if action in ("cancel", "resume", "remove"):
            return record is not None and can(action, record.state)
        return super().check_action(action, parameters)

    def action_cancel(self) -> None:
        if self.record is not None:
            cancel_run(self, self.record.run)

    def action_resume(self) -> None:
        if self.record is not None:
            resume_run(self, self.record.run)

    def action_tag(self) -> None:
        """The runs that are marked, else the one under the cursor."""
        chosen = runs.read_runs(self.ctx, [int(run[1:]) for run in self.marked], {})
        if not chosen and self.record is not None:
            chosen = [self.record]
        if chosen:
            tag_runs(self, chosen)

    def action_remove(self) -> None:
        record = self.record
        if record is None:
            return

        async def job() -> None:
            await threaded(runs.remove, self.ctx, record.run)
            self.say(f"{record.run} is removed.")
            self.marked = [run for run in self.marked if run != record.run]
            await self._reload()

        self.confirm(
            f"Remove {record.run} and its folder?",
            "The log and the checkpoints go; a model that it made stays.",
            job,
            group="remove",
        )
