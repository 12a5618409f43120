"""The area under the ROC curve, one label against the rest, averaged over the labels."""

from __future__ import annotations

import numpy as np

from fmtui.metrics.measured import Interval

_Z95 = 1.959963984540054


def areas(
    scores: np.ndarray | None, truth: np.ndarray
) -> tuple[dict[str, float], dict[str, Interval]]:
    """`auc` and its 95% interval by name; nothing where it is undefined.

    The interval is that of DeLong, DeLong and Clarke-Pearson ("Comparing the areas under two or
    more correlated receiver operating characteristic curves", Biometrics 44, 1988): the spread of
    what each row adds, exact in ranks, where a bootstrap would sort anew for each resample.

    Args:
        scores: (rows, labels); None is undefined.
        truth: (rows, labels), whether a row has a label.
    """
    there = truth.sum(axis=0)
    both = ((there > 0) & (there < len(truth))).all()
    if scores is None or not both or not np.isfinite(scores).all():
        return {}, {}
    rows, labels = truth.shape
    value, added = 0.0, np.zeros(rows)
    for label in range(labels):
        area, parts = _area(scores[:, label], truth[:, label])
        value += area / labels
        added += parts / labels
    spread = _Z95 * float(np.sqrt((added**2).sum()))
    if not spread:
        return {"auc": value}, {}
    return {"auc": value}, {"auc": (max(value - spread, 0.0), min(value + spread, 1.0))}


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 1 on; equal values share the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks


def _area(scores: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """The area of one label, and what each row adds to its deviation: (rows,)."""
    yes, no = scores[truth], scores[~truth]
    ranks = _ranks(scores)
    below = (ranks[truth] - _ranks(yes)) / len(no)
    above = 1 - (ranks[~truth] - _ranks(no)) / len(yes)
    area = float(below.mean())
    added = np.empty(len(scores))
    added[truth] = (below - area) / len(yes)
    added[~truth] = (above - area) / len(no)
    return area, added
