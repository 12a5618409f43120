"""Classification of texts, one label a row; several labels are `multilabel`.

The values equal scikit-learn's on the same rows, averages over the labels that occur included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fmtui.metrics import calibration, multilabel, ranking
from fmtui.metrics.parts import Found, Part, mean_of, ratio

_MOST_CELLS = 4_000_000
_LEAST = 1e-12


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`; whether rows have several labels is seen from the first."""
    truth, prediction = columns.get("label"), columns.get("prediction")
    if truth is None or prediction is None:
        return Found(mean_of("loss", columns.get("loss")))
    if isinstance(truth[0], list | tuple | set | np.ndarray):
        return multilabel.figures(columns, labels)
    given = len(labels)
    names, true, predicted = _ids(truth, prediction, labels)
    scores = as_array(columns.get("scores"), given)
    right = true == predicted
    confidence = columns.get("score")
    if confidence is None and scores is not None:
        confidence = scores.max(axis=1)
    parts = [_confusion_part(true, predicted, len(names)), *_loss(columns, scores, true)]
    parts += calibration.error(confidence, right)
    # A label that the scores know nothing of has no rank.
    ranked = scores is not None and given == len(names)
    others, fixed = ranking.areas(scores, true[:, None] == np.arange(given)) if ranked else ({}, {})
    return Found(
        parts,
        others=others,
        fixed=fixed,
        labels=names,
        confusion=confusion(true, predicted, len(names)),
        per_label=per_label(true, predicted, names),
        calibration=calibration.bins(confidence, right),
    )


def as_array(scores: Any, labels: int) -> np.ndarray | None:
    """Scores as an array (rows, labels); None where they are missing or of another shape."""
    if scores is None:
        return None
    try:
        array = np.asarray(scores, dtype=float)
    except (TypeError, ValueError):  # a row without, or of another length
        return None
    return array if array.ndim == 2 and array.shape[1] == labels > 0 else None


def _ids(
    truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The labels, those that no model knows last, and the places of truth and prediction."""
    places = {label: i for i, label in enumerate(labels)}
    for value in sorted((set(truth) | set(prediction)) - places.keys(), key=str):
        places[value] = len(places)
    true = np.fromiter((places[v] for v in truth), dtype=np.int64, count=len(truth))
    predicted = np.fromiter((places[v] for v in prediction), dtype=np.int64, count=len(prediction))
    return [str(label) for label in places], true, predicted


def _confusion_part(true: np.ndarray, predicted: np.ndarray, labels: int) -> Part:
    """Each row adds one to its true label, one to its predicted, and one where they are the same.

    The columns: right by label, predicted by label, true by label.
    """
    rows, right = np.arange(len(true)), np.flatnonzero(true == predicted)
    row = np.concatenate([right, rows, rows])
    column = np.concatenate([true[right], labels + predicted, 2 * labels + true])
    matrix = sparse.csr_matrix((np.ones(len(row)), (row, column)), (len(true), 3 * labels))
    share = {"accuracy": (len(true), 1.0), "f1_micro": (len(true), 1.0)}
    return Part(matrix, label_figures, share)


def label_figures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of counts (r, 3 labels): right, predicted and true, each by label."""
    right, predicted, true = np.split(sums, 3, axis=1)
    rows, present = true.sum(1), (true + predicted) > 0
    f1 = ratio(2 * right, predicted + true)
    count = np.maximum(present.sum(1), 1)
    accuracy = ratio(right.sum(1), rows)
    return {
        "accuracy": accuracy,
        "f1_macro": f1.sum(1) / count,
        "f1_micro": accuracy,
        "f1_weighted": ratio((f1 * true).sum(1), rows),
        "precision_macro": ratio(right, predicted).sum(1) / count,
        "recall_macro": ratio(right, true).sum(1) / count,
        "mcc": _mcc(right, predicted, true),
    }


def _mcc(right: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Matthews' correlation for several labels: Gorodkin (2004)."""
    rows = true.sum(1)
    together = right.sum(1) * rows - (predicted * true).sum(1)
    apart = np.sqrt((rows**2 - (predicted**2).sum(1)) * (rows**2 - (true**2).sum(1)))
    return ratio(together, apart)


def _loss(
    columns: Mapping[str, Sequence[Any]], scores: np.ndarray | None, true: np.ndarray
) -> list[Part]:
    """Mean log loss: of the column `loss`, else of the scores."""
    known = mean_of("loss", columns.get("loss"))
    if known or scores is None or true.max() >= scores.shape[1]:
        return known
    of_truth = scores[np.arange(len(true)), true]
    return mean_of("loss", (-np.log(np.clip(of_truth, _LEAST, 1.0))).tolist())


def confusion(true: np.ndarray, predicted: np.ndarray, labels: int) -> list[list[int]] | None:
    """Counts: row is the true label, column the predicted one. None where it would be huge."""
    if labels**2 > _MOST_CELLS:
        return None
    counts = np.bincount(true * labels + predicted, minlength=labels**2)
    matrix: list[list[int]] = counts.reshape(labels, labels).tolist()
    return matrix


def per_label(
    true: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Precision, recall, F1 and number of rows of each label."""
    right = np.bincount(true[true == predicted], minlength=len(names)).astype(float)
    guessed = np.bincount(predicted, minlength=len(names)).astype(float)
    there = np.bincount(true, minlength=len(names)).astype(float)
    return by_label(names, right, guessed, there)


def by_label(
    names: Sequence[str], right: np.ndarray, predicted: np.ndarray, true: np.ndarray
) -> list[dict[str, Any]]:
    """The figures of each label from its counts, each (labels,)."""
    precision, recall = ratio(right, predicted), ratio(right, true)
    f1 = ratio(2 * right, predicted + true)
    return [
        {
            "label": name,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "rows": int(true[i]),
        }
        for i, name in enumerate(names)
    ]
