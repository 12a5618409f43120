"""Runs side by side: metrics, the settings that differ, and whether a difference is real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fmtui.errors import FmtuiError, UsageError
from fmtui.metrics import lower_is_better as lower_is_better
from fmtui.services import runs
from fmtui.services.context import Context
from fmtui.services.settings import as_typed
from fmtui.services.significance import Test
from fmtui.services.text import between, decimals, duration
from fmtui.services.verdict import Intervals, judge

BEST = " ◂"
"""The mark of the best value of a row."""


@dataclass(frozen=True)
class Comparison:
    """Metrics and settings, each a list in the order of `runs`.

    `settings` has those that differ, `same` the others; `best` names the place of the best value
    of a metric, where all were measured on the same rows; `seconds` is how long each took. `rows`
    counts the test rows that all of them were measured on, None where they were not the same, and
    then `note` says why. `intervals` are the 95% intervals of what is told first of the task;
    `tests` set the best run against each of the others.
    """

    runs: tuple[str, ...]
    metrics: dict[str, list[float | None]]
    best: dict[str, int]
    settings: dict[str, list[Any]]
    same: dict[str, list[Any]]
    seconds: list[float | None]
    rows: int | None = None
    note: str = ""
    intervals: Intervals = field(default_factory=dict)
    tests: tuple[Test, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": list(self.runs),
            "metrics": self.metrics,
            "best": {name: self.runs[at] for name, at in self.best.items()},
            "settings": self.settings,
            "same": self.same,
            "seconds": self.seconds,
            "rows": self.rows,
            "note": self.note,
            "intervals": self.intervals,
            "tests": [test.as_json() for test in self.tests],
        }

    def measured(self) -> list[tuple[str, list[str]]]:
        """For a table: a metric and a cell a run, the best one marked; then how long it took."""
        table = []
        for name, values in self.metrics.items():
            cells = ["–" if v is None else decimals(v) for v in values]
            if name in self.best:
                cells[self.best[name]] += BEST
            table.append((name, cells))
            if name in self.intervals:
                table.append(("  95% interval", [_between(pair) for pair in self.intervals[name]]))
        table.append(("took", ["–" if s is None else duration(s) for s in self.seconds]))
        return table

    def parameters(self, *, every: bool = False) -> list[tuple[str, list[str]]]:
        """For a table: a parameter and a cell a run; with `every` also those that are the same."""
        chosen = self.settings | (self.same if every else {})
        return [
            (name, ["–" if v is None else as_typed(v) for v in row]) for name, row in chosen.items()
        ]


def compare(ctx: Context, refs: Sequence[str]) -> Comparison:
    """Compare two runs or more. Raises UsageError for fewer, NotFoundError for unknown ones."""
    infos = [runs.show(ctx, ref) for ref in refs]
    infos = list({info.run: info for info in infos}.values())
    if len(infos) < 2:
        raise UsageError("name at least two runs", hint="`fmtui run compare r1 r2`")
    specs = [_spec(ctx, info.run) for info in infos]
    names = dict.fromkeys(name for info in infos for name in info.metrics)
    metrics = {name: [info.metrics.get(name) for info in infos] for name in names}
    keys = dict.fromkeys(key for spec in specs for key in spec.get("settings", {}))
    values: dict[str, list[Any]] = {
        "model": [i.model for i in infos],
        "data": [i.data for i in infos],
        **{key: [spec.get("settings", {}).get(key) for spec in specs] for key in keys},
    }
    differ = {key: row for key, row in values.items() if len(set(map(str, row))) > 1}
    found = tuple(info.run for info in infos)
    verdict = judge(ctx, found, specs)
    ranked = {name: best(name, row) for name, row in metrics.items()}
    return Comparison(
        runs=found,
        metrics=metrics,
        best={
            name: at
            for name, at in ranked.items()
            if at is not None and verdict.alike and name not in verdict.incomparable
        },
        settings=differ,
        same={key: row for key, row in values.items() if key not in differ},
        seconds=[info.seconds for info in infos],
        rows=verdict.rows,
        note=verdict.note,
        intervals=verdict.intervals,
        tests=verdict.tests,
    )


def _spec(ctx: Context, run: str) -> dict[str, Any]:
    try:
        return runs.spec(ctx, run)
    except FmtuiError:  # the folder is gone: what the registry knows is compared
        return {}


def best(name: str, values: Sequence[float | None]) -> int | None:
    """The place of the best value; None where fewer than two are known, or all are the same."""
    known = [(value, at) for at, value in enumerate(values) if value is not None]
    if len({value for value, _ in known}) < 2:
        return None
    chosen = min(known) if lower_is_better(name) else max(known, key=lambda item: item[0])
    return chosen[1]


def _between(pair: tuple[float, float] | None) -> str:
    return "–" if pair is None else between(pair)
