"""The columns of a list of runs, and their words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fmtui.services.text import duration, result
from registry.views import RunInfo
from screens.widgets.record_list import Cell, Column
from screens.widgets.states import state_words, tone


def what(run: RunInfo) -> str:
    """What it does to which model, on which data."""
    return f"{run.kind} {run.model or '?'} on {run.data or '?'}"


def took(run: RunInfo) -> str:
    """How long it took, or has taken by now."""
    seconds = run.seconds
    return duration(seconds) if seconds is not None else "–"


def without_command(reason: str) -> str:
    """Why a run waits, without the command that changes it: a screen has a key for that."""
    return reason.partition("; `")[0]


def run_columns(
    reason: Callable[[RunInfo], str | None] = lambda _: None,
) -> Sequence[Column[RunInfo]]:
    """The columns of a list of runs; `reason` says why one waits, across the columns that a run
    which has not begun leaves empty."""

    def state(run: RunInfo) -> Cell:
        why = reason(run)
        return (f"· {without_command(why)}" if why else state_words(run.state)), tone(run.state)

    return (
        Column("run", lambda r: r.run, width=6, order="run"),
        Column("what", what, order="model"),
        Column("tags", lambda r: " ".join(r.tags), width=14, drop=100),
        Column("state", state, width=16, order="state"),
        Column(
            "took", lambda r: None if reason(r) else took(r), width=7, right=True, drop=64,
            order="took",
        ),
        Column(
            "result", lambda r: None if reason(r) else result(r.metrics), width=9, right=True,
            drop=78, order="result",
        ),
    )  # fmt: skip
