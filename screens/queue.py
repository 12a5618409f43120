"""The runs that wait: in which order they start, why each of them does not yet, and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import queue, runs
from fmtui.services.queue import QueueEntry
from fmtui.services.text import ago, one_line
from registry.views import RunInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import Listing
from screens.run_actions import cancel_run, open_run
from screens.run_columns import what, without_command
from screens.threads import threaded
from screens.widgets.record_list import Cell, Column
from screens.widgets.states import MUTED


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run and its place in the queue."""

    entry: QueueEntry
    info: RunInfo


def _reason(waiting: Waiting) -> Cell:
    tone = "warn" if waiting.entry.paused else "dim"
    return without_command(waiting.entry.reason), tone


class QueueScreen(Listing[Waiting]):
    TAB = "runs"
    HINT = "search the runs that wait"
    BINDINGS = bindings("queue")
    COLUMNS = (
        Column("#", lambda w: str(w.entry.position or "–"), width=3, right=True),
        Column("run", lambda w: w.info.run, width=5),
        Column("what", lambda w: what(w.info), width=24),
        Column("prio", lambda w: str(w.entry.priority), width=4, right=True, drop=64),
        Column("why it waits", _reason),
    )
    EMPTY = "No run waits. Those that are started while all slots are held stand here."

    def __init__(self) -> None:
        super().__init__()
        self.paused = False
        self.slots = ""

    def crumbs(self) -> Sequence[str]:
        return ("Runs", "queue")

    def above(self) -> Iterable[Widget]:
        yield Static(id="filters", markup=False)

    def fetch(self) -> Sequence[Waiting]:
        entries = queue.entries(self.ctx)
        self.paused, self.slots = queue.paused(self.ctx), queue.slots_in_words(self.ctx)
        ids = [int(entry.run[1:]) for entry in entries]
        known = {info.run: info for info in runs.read_runs(self.ctx, ids, {})}
        return [Waiting(entry, known[entry.run]) for entry in entries if entry.run in known]

    async def _reload(self) -> None:
        await super()._reload()
        self.query_one("#filters", Static).update(self._head())

    def _head(self) -> Content:
        parts: list[str | tuple[str, str]] = [(" slots ", MUTED), one_line(self.slots)]
        if self.paused:
            parts += ["   ", ("the queue is paused, P lets it go on", "bold $text-warning")]
        return Content.assemble(*parts)

    def key(self, record: Waiting) -> str:
        return record.info.run

    def words(self, record: Waiting) -> str:
        info = record.info
        return f"{info.run} {what(info)} {info.name} {' '.join(info.tags)} {record.entry.reason}"

    def detail(self, record: Waiting) -> Content:
        info, entry = record.info, record.entry
        table = facts(
            ("waits", without_command(entry.reason)),
            ("place", f"{entry.position}" if entry.position else f"in {entry.backend}"),
            ("priority", str(entry.priority) if entry.position else None),
            ("model", info.model),
            ("data", info.data),
            ("makes", info.name),
            ("tags", " ".join(info.tags)),
            ("created", ago(info.created)),
        )
        return Content("\n\n").join([Content.styled(f"{info.run}  {info.kind}", "bold"), table])

    def open(self, record: Waiting) -> None:
        open_run(self.app, record.info.run)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "sort":
            return False  # there is one order: that in which they start
        if action in ("shift", "end", "priority", "hold", "cancel"):
            record = self.record if self.is_mounted and self.query("#records") else None
            return record is not None and (action == "cancel" or record.entry.position is not None)
        return super().check_action(action, parameters)

    def _change(self, change: Callable[[QueueEntry], None]) -> None:
        """Change the place of the run under the cursor, which stays on it."""
        if (record := self.record) is None:
            return

        async def job() -> None:
            await threaded(change, record.entry)
            await self._reload()

        self.start(job, group="change")

    def action_shift(self, by: int) -> None:
        self._change(lambda entry: queue.move(self.ctx, entry.run, by=by))

    def action_end(self, first: bool) -> None:
        self._change(lambda entry: queue.move(self.ctx, entry.run, first=first, last=not first))

    def action_priority(self, by: int) -> None:
        self._change(lambda entry: queue.move(self.ctx, entry.run, priority=entry.priority + by))

    def action_hold(self) -> None:
        self._change(lambda entry: queue.set_paused(self.ctx, entry.run, not entry.paused))

    def action_hold_all(self) -> None:
        async def job() -> None:
            await threaded(queue.set_paused, self.ctx, None, not self.paused)
            await self._reload()

        self.start(job, group="change")

    def action_cancel(self) -> None:
        if self.record is not None:
            cancel_run(self, self.record.info.run)
