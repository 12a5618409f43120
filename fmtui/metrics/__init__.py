"""How good a model is: every figure, from the columns of its predictions.

The worker that evaluates, `run compare`, the report and the error browser share this code. It
needs no torch; numpy and the libraries of the metrics are loaded when something is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from fmtui.errors import BadInputError
from fmtui.metrics.measured import Measured
from fmtui.metrics.names import HEADLINES, MAIN, NEEDED, lower_is_better

__all__ = ["HEADLINES", "MAIN", "NEEDED", "Measured", "lower_is_better", "measure", "parts_of"]

MODULES = {
    "text-classification": "classification",
    "token-classification": "spans",
    "question-answering": "answers",
    "summarization": "overlap",
    "translation": "translation",
    "text-generation": "generation",
}


def measure(
    task: str,
    columns: Mapping[str, Sequence[Any]],
    labels: Sequence[str] = (),
    *,
    seed: int = 42,
    resamples: int = 1000,
) -> Measured:
    """All figures of a task.

    Args:
        columns: Those of `predictions.parquet` by name, as sequences or arrays of one length;
            `scores` may be an array (rows, labels). What needs a missing one is left out.
        labels: The labels in the order of `scores`; of tokens, nothing is asked.
        seed: Of the bootstrap.
        resamples: How often rows are drawn anew for the intervals; 0 leaves those out that need it.

    Raises:
        BadInputError: Columns of different length, or a row that contradicts itself.
    """
    from fmtui.metrics import bootstrap, slices

    found = _figures(task, columns, labels)
    values = {name: v for part in found.parts for name, v in part.values().items()}
    return Measured(
        task=task,
        rows=_rows(columns),
        metrics=values | found.others,
        intervals=bootstrap.intervals(found, seed=seed, resamples=resamples),
        labels=tuple(found.labels),
        confusion_matrix=found.confusion,
        per_label=found.per_label,
        slices=slices.by_length(found.parts, columns.get("length")),
        calibration=found.calibration,
    )


def parts_of(
    task: str, columns: Mapping[str, Sequence[Any]], labels: Sequence[str] = ()
) -> list[Any]:
    """The `Part`s of a task's figures, for a test of two runs on the same rows."""
    return list(_figures(task, columns, labels).parts)


def _figures(task: str, columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Any:
    if task not in MODULES:
        raise BadInputError(f"no metrics are known for the task `{task}`")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadInputError(f"the columns of the predictions differ in length: {lengths}")
    if not _rows(columns):
        raise BadInputError("there are no rows to measure")
    module = import_module(f"fmtui.metrics.{MODULES[task]}")
    return module.figures(columns, labels)


def _rows(columns: Mapping[str, Sequence[Any]]) -> int:
    return len(next(iter(columns.values()), ()))
