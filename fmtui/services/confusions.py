"""What was taken for what: labels of texts, types of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fmtui.services.predictions import TRUTH, Predictions

LABELED = ("text-classification", "token-classification")

NOTHING = "(none)"
"""Stands for a label that is not there: one that was missed, or one that is too many."""


@dataclass(frozen=True)
class Confusion:
    """So many rows with `label` were taken for `taken_for`; `of` rows have the label."""

    label: str
    taken_for: str
    rows: int
    of: int

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "taken_for": self.taken_for,
            "rows": self.rows,
            "of": self.of,
        }


def is_right(task: str, cell: tuple[str, str]) -> bool:
    """Whether a cell is no mistake. Of tokens only mistakes have cells: bounds may be wrong."""
    return task != "token-classification" and cell[0] == cell[1]


def cells(predictions: Predictions) -> Iterator[set[tuple[str, str]]]:
    """For each row what was taken for what: a label for another, or for itself where right."""
    truth = TRUTH[predictions.task]
    if not predictions.has(truth, "prediction"):
        return
    for batch in predictions.batches([truth, "prediction"]):
        columns = (batch.column(name).to_pylist() for name in (truth, "prediction"))
        for true, predicted in zip(*columns, strict=True):
            yield cells_of(predictions.task, true, predicted)


def cells_of(task: str, true: Any, predicted: Any) -> set[tuple[str, str]]:
    """What was taken for what in one row.

    Of several labels each missed one was taken for each that is too many, or for nothing; of
    tokens each with a wrong tag gives its types, the same twice where only the bounds are wrong.
    """
    if task == "token-classification":
        from fmtui.metrics.spans import type_of

        tags = zip(true or (), predicted or (), strict=False)
        return {(type_of(tag), type_of(guess)) for tag, guess in tags if tag != guess}
    if isinstance(true, str):
        return {(true, str(predicted))}
    there, guessed = set(true or ()), set(predicted or ())
    missed, extra = there - guessed or {NOTHING}, guessed - there or {NOTHING}
    wrong = {(a, b) for a in missed for b in extra} - {(NOTHING, NOTHING)}
    return wrong | {(label, label) for label in there & guessed}


def confusions(predictions: Predictions) -> list[Confusion]:
    """What was taken for what, rows counted, the most first; right answers are left out."""
    if predictions.task not in LABELED:
        return []
    counts: Counter[tuple[str, str]] = Counter()
    rows: Counter[str] = Counter()
    truth = TRUTH[predictions.task]
    for found in cells(predictions):
        counts.update(found)
        if predictions.task == "text-classification":
            rows.update({a for a, _ in found})
    if predictions.task == "token-classification" and predictions.has(truth):
        from fmtui.metrics.spans import type_of

        for batch in predictions.batches([truth]):
            for tags in batch.column(0).to_pylist():
                rows.update({type_of(tag) for tag in tags or ()})
    wrong = [
        Confusion(a, b, count, rows[a])
        for (a, b), count in counts.items()
        if not is_right(predictions.task, (a, b))
    ]
    return sorted(wrong, key=lambda c: (-c.rows, c.label, c.taken_for))
