"""A sweep: its runs with what was varied, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual.content import Content

from fmtui.services import sweep
from fmtui.services.settings import as_typed
from fmtui.services.text import ago
from registry.views import RunInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import Listing
from screens.run_actions import open_run
from screens.run_columns import took
from screens.widgets.record_list import Column
from screens.widgets.states import state_content, state_words, tone


@dataclass(frozen=True)
class Member:
    """A run of the sweep, with the settings that were varied."""

    info: RunInfo
    settings: dict[str, Any]
    value: float | None
    best: bool


def _column(key: str) -> Column[Member]:
    return Column(key, lambda m: as_typed(m.settings.get(key, "")), width=max(len(key), 8))


class SweepPage(Listing[Member]):
    """The runs of the group `group`."""

    TAB = "runs"
    HINT = "search the sweep"
    BINDINGS = bindings("sweep")
    EMPTY = "The runs of this sweep were removed."

    def __init__(self, group: str) -> None:
        super().__init__()
        self.group = group

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.group)

    def columns(self) -> Sequence[Column[Member]]:
        found = sweep.results(self.ctx, self.group)
        varied = [_column(key) for key in found.settings[0]]
        return (
            Column("run", lambda m: m.info.run, width=5),
            *varied,
            Column("state", lambda m: (state_words(m.info.state), tone(m.info.state))),
            Column("took", lambda m: took(m.info), width=7, right=True, drop=70),
            Column(
                found.metric,
                lambda m: "–" if m.value is None else f"{m.value:.4g}" + (" ◂" if m.best else "  "),
                width=max(len(found.metric), 9),
                right=True,
            ),
        )

    def fetch(self) -> Sequence[Member]:
        found = sweep.results(self.ctx, self.group)
        return [
            Member(info, settings, info.metrics.get(found.metric), info.run == found.best)
            for info, settings in zip(found.runs, found.settings, strict=True)
        ]

    def key(self, record: Member) -> str:
        return record.info.run

    def words(self, record: Member) -> str:
        varied = " ".join(f"{key}={value}" for key, value in record.settings.items())
        return f"{record.info.run} {record.info.state} {varied}"

    def detail(self, record: Member) -> Content:
        info = record.info
        table = facts(
            ("state", state_content(info.state)),
            *((key, as_typed(value)) for key, value in record.settings.items()),
            ("made", info.output),
            ("created", ago(info.created)),
            *((name, f"{value:.4g}") for name, value in info.metrics.items()),
            ("error", info.error),
        )
        return Content("\n\n").join([Content.styled(f"{info.run}  {info.kind}", "bold"), table])

    def open(self, record: Member) -> None:
        open_run(self.app, record.info.run)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "sort":
            return False  # the best comes first
        return super().check_action(action, parameters)

    def action_compare(self) -> None:
        from screens.compare import ComparePage

        runs = sorted((member.info.run for member in self._all or ()), key=lambda run: int(run[1:]))
        self.app.push_screen(ComparePage(runs))
