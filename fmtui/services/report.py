"""The report of an evaluation: its figures with intervals, by label, by length, and calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fmtui.errors import BadInputError, ConflictError, FmtuiError
from fmtui.metrics import HEADLINES, MAIN
from fmtui.services import runs
from fmtui.services.context import Context
from fmtui.services.predictions import open_predictions
from fmtui.tasks.settings import of_task, written

_MOST_ROWS = 50_000
"""Runs that kept no intervals are measured again when asked for, up to so many rows."""

_NEEDED = (
    "label", "tags", "answers", "summary", "target", "text", "prediction", "score", "scores",
    "loss", "length", "nll", "tokens", "row",
)  # fmt: skip


@dataclass(frozen=True)
class LabelFigures:
    """A label or type of entity."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Slice:
    """Rows that have something in common."""

    name: str
    rows: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Bin:
    """Rows of a confidence above `low`, at most `high`: its mean, and the share that is right."""

    rows: int
    low: float
    high: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Report:
    """What an evaluation found; parts that its task does not have are empty."""

    run: str
    model: str
    data: str
    task: str
    ended: str
    rows: int
    method: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    per_label: tuple[LabelFigures, ...] = ()
    slices: tuple[Slice, ...] = ()
    calibration: tuple[Bin, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    """Those that were given for this measurement, as they are typed."""

    @property
    def manner(self) -> list[str]:
        """How it was measured, where that was not the model's own way: zero-shot, num_beams=4."""
        own = [] if self.method == "model" else [self.method]
        return [*own, *(f"{name}={value}" for name, value in self.settings.items())]

    def ordered(self) -> list[str]:
        """The metrics' names: what is told first of the task, then the others."""
        first = [name for name in HEADLINES.get(self.task, ()) if name in self.metrics]
        return [*first, *(name for name in self.metrics if name not in first)]

    def headlines(self) -> list[str]:
        """The metrics that are told first, or simply the first ones."""
        known = HEADLINES.get(self.task, ())
        return [name for name in self.ordered() if name in known] or self.ordered()[:3]

    def main(self) -> str | None:
        """The metric that decides, if it was measured."""
        name = MAIN.get(self.task)
        return name if name in self.metrics else None

    @property
    def unit(self) -> str:
        """What the figures by label count."""
        return "entities" if self.task == "token-classification" else "rows"

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "model": self.model,
            "data": self.data,
            "task": self.task,
            "rows": self.rows,
            "method": self.method,
            "settings": self.settings,
            "metrics": self.metrics,
            "intervals": self.intervals,
            "labels": self.labels,
            "confusion_matrix": self.confusion,
            "per_label": [vars(row) for row in self.per_label],
            "slices": [vars(row) for row in self.slices],
            "calibration": [vars(row) for row in self.calibration],
        }


def report_of(ctx: Context, ref: str) -> Report:
    """The report of an evaluate run, in whichever version's form it was left.

    Raises:
        NotFoundError: There is no such run.
        ConflictError: It is a run of another kind, or has not ended well.
    """
    info = runs.show(ctx, ref)
    if info.kind != "evaluate":
        raise ConflictError(
            f"{info.run} is a {info.kind} run: it has no report",
            hint=f"`fmtui evaluate {info.output or 'MODEL'} --data DATA` measures a model.",
        )
    if info.state != "completed":
        raise ConflictError(f"{info.run} is {info.state}: there is no report of it")
    kept = runs.report(ctx, info.run)
    if not isinstance(kept, dict):
        raise BadInputError(
            f"the report of {info.run} is missing or broken", hint="Evaluate the model again."
        )
    task = kept.get("task") if isinstance(kept.get("task"), str) else info.task
    report = Report(
        run=info.run,
        model=info.model or "?",
        data=info.data or "?",
        task=task or "text-classification",
        ended=info.ended or "",
        rows=_int(kept.get("rows")) or 0,
        method=str(kept.get("method") or "model"),
        metrics=_numbers(kept.get("metrics")),
    )
    report = replace(report, settings=_given(ctx, report))
    report = _filled(report, kept)
    return report if report.intervals else _measured(ctx, report)


def _given(ctx: Context, report: Report) -> dict[str, str]:
    """The settings that were given to say how the model answers."""
    given = _dict(runs.spec(ctx, report.run).get("settings"))
    known = [setting.name for setting in of_task(report.task) if setting.measuring]
    return {name: written(given[name]) for name in known if name in given}


def _measured(ctx: Context, report: Report) -> Report:
    """With what a run that kept no intervals can still be measured for; its own values stay."""
    from fmtui.metrics import measure

    try:
        predictions = open_predictions(ctx, report.run)
        if predictions.rows > _MOST_ROWS:
            return report
        columns = predictions.read(_NEEDED)
        found = measure(report.task, columns, report.labels).as_report()
    except FmtuiError:
        return report
    filled = _filled(replace(report, labels=()), found)
    return replace(filled, metrics=_numbers(found["metrics"]) | report.metrics)


def _filled(report: Report, kept: Mapping[str, Any]) -> Report:
    """With those parts that are there and well formed."""
    labels = tuple(str(label) for label in _list(kept.get("labels")))
    matrix = tuple(
        tuple(_int(n) or 0 for n in _list(row)) for row in _list(kept.get("confusion_matrix"))
    )
    square = len(matrix) == len(labels) and all(len(row) == len(labels) for row in matrix)
    intervals = {
        name: (float(pair[0]), float(pair[1]))
        for name, pair in _dict(kept.get("intervals")).items()
        if len(_list(pair)) == 2 and all(_real(v) for v in pair)
    }
    return replace(
        report,
        intervals=intervals,
        labels=labels,
        confusion=matrix if square else (),
        per_label=tuple(
            LabelFigures(str(row["label"]), int(row["rows"]), *(float(row[n]) for n in _FIGURES))
            for row in _rows(kept.get("per_label"), "label", "rows", *_FIGURES)
        ),
        slices=tuple(
            Slice(str(row["name"]), int(row["rows"]), _numbers(row.get("metrics")))
            for row in _rows(kept.get("slices"), "name", "rows")
        ),
        calibration=tuple(
            Bin(int(row["rows"]), *(float(row[n]) for n in _BOUNDS))
            for row in _rows(kept.get("calibration"), "rows", *_BOUNDS)
        ),
    )


_FIGURES = ("precision", "recall", "f1")
_BOUNDS = ("low", "high", "confidence", "accuracy")


def _rows(value: Any, *names: str) -> Iterator[dict[str, Any]]:
    """Those rows that have all these names, with numbers where a number belongs."""
    for row in _list(value):
        known = isinstance(row, dict) and all(name in row for name in names)
        if known and all(_real(row[n]) for n in names if n not in ("label", "name")):
            yield row


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _real(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _int(value: Any) -> int | None:
    return int(value) if _real(value) else None


def _numbers(value: Any) -> dict[str, float]:
    return {str(name): float(v) for name, v in _dict(value).items() if _real(v)}
