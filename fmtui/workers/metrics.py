"""Metrics as `evaluate.Metric` subclasses: computed by scikit-learn, and at home offline.

`evaluate.load("accuracy")` asks the hub; these need nothing but the library's machinery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np
from sklearn import metrics as sk

_LABELS = datasets.Features(
    {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
)


class _LabelMetric(evaluate.Metric):  # type: ignore[misc]
    """A metric over predicted and true label ids."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "",
            citation="",
            inputs_description="predictions and references: label ids",
            features=_LABELS,
        )


class Accuracy(_LabelMetric):
    """Share of rows whose label is right."""

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": float(sk.accuracy_score(references, predictions))}


class F1(_LabelMetric):
    """F1 of each label averaged: plain (macro) and by its number of rows (weighted)."""

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {
            f"f1_{average}": float(
                sk.f1_score(references, predictions, average=average, zero_division=0)
            )
            for average in ("macro", "weighted")
        }


class ConfusionMatrix(_LabelMetric):
    """Counts: row is the true label, column the predicted one."""

    def _compute(
        self, predictions: Any, references: Any, num_labels: int | None = None
    ) -> dict[str, Any]:
        labels = list(range(num_labels)) if num_labels else None
        matrix = sk.confusion_matrix(references, predictions, labels=labels)
        return {"confusion_matrix": matrix.tolist()}


def classification(predictions: Any, references: Any) -> dict[str, float]:
    """Accuracy, macro and weighted F1 of arrays of label ids."""
    together = evaluate.combine([Accuracy(keep_in_memory=True), F1(keep_in_memory=True)])
    values: dict[str, float] = together.compute(
        predictions=np.asarray(predictions), references=np.asarray(references)
    )
    return values


def confusion(predictions: Any, references: Any, num_labels: int) -> list[list[int]]:
    """The confusion matrix as lists."""
    metric = ConfusionMatrix(keep_in_memory=True)
    matrix: list[list[int]] = metric.compute(
        predictions=np.asarray(predictions),
        references=np.asarray(references),
        num_labels=num_labels,
    )["confusion_matrix"]
    return matrix


def of(task: str, columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> dict[str, float]:
    """A task's metrics, from the columns of its records and of what was predicted."""
    predictions, references = _ids(columns, labels)
    return {**classification(predictions, references), "loss": float(np.mean(columns["loss"]))}


def details(
    task: str, columns: Mapping[str, Sequence[Any]], labels: Sequence[str]
) -> dict[str, Any]:
    """What a report holds beside the metrics."""
    predictions, references = _ids(columns, labels)
    return {
        "confusion_matrix": confusion(predictions, references, len(labels)),
        "per_label": per_label(predictions, references, list(labels)),
    }


def _ids(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> tuple[Any, Any]:
    ids = {label: i for i, label in enumerate(labels)}
    return (
        np.array([ids[label] for label in columns["prediction"]]),
        np.array([ids[label] for label in columns["label"]]),
    )


def per_label(predictions: Any, references: Any, labels: list[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 and number of rows of each label."""
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        references, predictions, labels=range(len(labels)), zero_division=0
    )
    return [
        {
            "label": label,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "rows": int(support[i]),
        }
        for i, label in enumerate(labels)
    ]
