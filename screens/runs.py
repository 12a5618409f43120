"""The runs, each in the state that its folder proves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.app import App
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import runs
from fmtui.services.text import ago, duration, elapsed, one_line
from registry.views import RunInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import Listing, Order
from screens.threads import threaded
from screens.widgets.record_list import Cell, Column
from screens.widgets.states import MUTED, state_content, state_words, tone

FACETS = ("state", "kind", "model")
ENDED = frozenset({"completed", "failed", "canceled"})


def _state(run: RunInfo) -> Cell:
    return state_words(run.state), tone(run.state)


def _what(run: RunInfo) -> str:
    return f"{run.kind} {run.model or '?'} on {run.data or '?'}"


def _result(run: RunInfo) -> str:
    accuracy = run.metrics.get("accuracy")
    if accuracy is not None:
        return f"acc {accuracy:.3f}"
    return next((f"{name} {value:.3g}" for name, value in run.metrics.items()), "")


def _took(run: RunInfo) -> str:
    seconds = elapsed(run.started, run.ended)
    return duration(seconds) if seconds is not None else "–"


RUN_COLUMNS: Sequence[Column[RunInfo]] = (
    Column("run", lambda r: r.run, width=5),
    Column("what", _what),
    Column("state", _state, width=16),
    Column("took", _took, width=7, right=True, drop=64),
    Column("result", _result, width=9, right=True, drop=78),
)


class RunsScreen(Listing[RunInfo]):
    TAB = "runs"
    HINT = "search the runs"
    BINDINGS = bindings("runs")
    COLUMNS = RUN_COLUMNS
    ORDERS = (
        Order("newest first", lambda r: r.id, down=True),
        Order("oldest first", lambda r: r.id),
        Order("state", lambda r: r.state),
        Order("kind", lambda r: r.kind),
        Order("accuracy, best first", lambda r: r.metrics.get("accuracy"), down=True),
        Order("model", lambda r: r.model),
        Order("time taken, longest first", lambda r: elapsed(r.started, r.ended), down=True),
    )
    EMPTY = (
        "No runs yet. Press f on a model to finetune it, or try `make demo`.\n"
        "Press 2 for the models here."
    )

    def __init__(self) -> None:
        super().__init__()
        self.filters: dict[str, str] = {}
        self.marked: list[str] = []

    def above(self) -> Iterable[Widget]:
        yield Static(self._filter_line(), id="filters", markup=False)

    def fetch(self) -> Sequence[RunInfo]:
        state, kind, model = (self.filters.get(facet) for facet in FACETS)
        return runs.list_runs(self.ctx, state=state, kind=kind, model=model)

    def mark(self, record: RunInfo) -> str:
        return "●" if record.run in self.marked else " "

    async def _reload(self) -> None:
        await super()._reload()
        if any(r.state not in ENDED for r in self._all or ()):
            self.records.refresh()  # the time that they took goes on

    def key(self, record: RunInfo) -> str:
        return record.run

    def words(self, record: RunInfo) -> str:
        return f"{record.run} {_what(record)} {record.state} {record.output} {record.name}"

    def detail(self, record: RunInfo) -> Content:
        heading = Content.styled(f"{record.run}  {record.kind}", "bold")
        table = facts(
            ("state", state_content(record.state)),
            ("model", record.model),
            ("data", record.data),
            ("task", record.task),
            ("made", f"{record.output}" if record.output else None),
            ("created", ago(record.created)),
            ("took", _took(record)),
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
        if self.order is not None:
            parts += [("order ", MUTED), (self.order.name, "bold"), "   "]
        if self.marked:
            parts += [(f"● {len(self.marked)} marked", "bold")]
        return Content.assemble(*parts)

    def show(self, *, keep: bool = True) -> None:
        self.query_one("#filters", Static).update(self._filter_line())
        super().show(keep=keep)
        if self.filters and not self._all:
            self.records.empty = "No run is like this. Press F to take the filters away."
            self.records.refresh()

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
                self.reload()

        self.app.push_screen(Picker("Show only", options), chosen)

    def action_clear(self) -> None:
        self.filters = {}
        self.reload()

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

    def action_remove(self) -> None:
        record = self.record
        if record is None:
            return
        from screens.widgets.confirm import Confirm

        async def job() -> None:
            await threaded(runs.remove, self.ctx, record.run)
            self.say(f"{record.run} is removed.")
            self.marked = [run for run in self.marked if run != record.run]
            await self._reload()

        def answered(yes: bool | None) -> None:
            if yes:
                self.start(job, group="remove")

        self.app.push_screen(
            Confirm(
                f"Remove {record.run} and its folder?",
                "The log and the checkpoints go; a model that it made stays.",
            ),
            answered,
        )


def can(action: str, state: str) -> bool:
    """Whether a run in this state can be cancelled, resumed or removed."""
    if action == "cancel":
        return state not in ENDED
    return state in ("failed", "canceled") if action == "resume" else state in ENDED


def open_run(app: App[Any], run: str) -> None:
    """Show a run's page over what is shown now."""
    from screens.run import RunPage

    app.push_screen(RunPage(run))


def cancel_run(screen: Any, run: str) -> None:
    """Ask, then cancel."""
    from screens.widgets.confirm import Confirm

    async def job() -> None:
        screen.say(f"Cancelling {run}: it writes a checkpoint first.")
        info = await threaded(runs.cancel, screen.ctx, run)
        screen.say(f"{run} is {one_line(info.state)}.")

    def answered(yes: bool | None) -> None:
        if yes:
            screen.start(job, group="cancel")

    screen.app.push_screen(
        Confirm(f"Cancel {run}?", "It can be resumed from its last checkpoint."), answered
    )


def resume_run(screen: Any, run: str) -> None:
    """Go on from the last checkpoint."""

    async def job() -> None:
        info = await threaded(runs.resume, screen.ctx, run)
        screen.say(f"{run} goes on: {one_line(info.state)}.")

    screen.start(job, group="resume")
