"""What measuring gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """The figures of one model on some rows, as `report.json` keeps them.

    `intervals` holds 95% intervals; a metric without one could not be given any. `per_label` is
    by label or type of entity: {label, precision, recall, f1, rows}. In `confusion_matrix` a row
    is the true label, a column the predicted one, in the order of `labels`; of token
    classification it counts tokens by type. `slices`: {name, rows, metrics}. `calibration`: {low,
    high, rows, confidence, accuracy} of each bin of confidence that has rows.
    """

    task: str
    rows: int
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    confusion_matrix: list[list[int]] | None = None
    per_label: list[dict[str, Any]] = field(default_factory=list)
    slices: list[dict[str, Any]] = field(default_factory=list)
    calibration: list[dict[str, Any]] = field(default_factory=list)

    def as_report(self) -> dict[str, Any]:
        """As JSON; what the task does not have is absent."""
        report: dict[str, Any] = {
            "task": self.task,
            "metrics": self.metrics,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "rows": self.rows,
            "labels": list(self.labels),
            "confusion_matrix": self.confusion_matrix,
            "per_label": self.per_label,
            "slices": self.slices,
            "calibration": self.calibration,
        }
        always = ("task", "metrics", "intervals", "rows")
        return {name: value for name, value in report.items() if value or name in always}
