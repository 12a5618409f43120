"""Whether a confidence of 0.8 means that 8 of 10 are right.

Bins of equal width and the expected calibration error: Naeini, Cooper and Hauskrecht, "Obtaining
well calibrated probabilities using Bayesian binning" (AAAI 2015); Guo, Pleiss, Sun and
Weinberger, "On calibration of modern neural networks" (ICML 2017).
Of few rows the error is above 0 by chance, also where each confidence is right: how far is told by
answers drawn by the confidences themselves (consistency resampling: Bröcker and Smith, "Increasing
the reliability of reliability diagrams", Weather and Forecasting 22, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fmtui.metrics.parts import Part, ratio

BINS = 15
_DRAWS = 4000


def error(confidence: Sequence[float] | np.ndarray | None, right: np.ndarray) -> list[Part]:
    """`ece`, as a list of one part; none where there is no confidence between 0 and 1."""
    values = _values(confidence)
    if values is None:
        return []
    gaps = np.zeros((len(values), BINS + 1))
    gaps[np.arange(len(values)), _bin(values)] = values - right
    gaps[:, BINS] = 1.0

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {"ece": ratio(np.abs(sums[:, :BINS]).sum(1), sums[:, BINS])}

    return [Part(gaps, figures, chance={"ece": _by_chance(values)})]


def _by_chance(values: np.ndarray) -> float:
    """What 97.5 of 100 such errors stay below where each confidence is right: a bin's gap is a sum
    over its rows, so as good as normal."""
    spread = np.sqrt(np.bincount(_bin(values), values * (1 - values), BINS))
    drawn = np.abs(np.random.default_rng(0).normal(size=(_DRAWS, BINS)) * spread).sum(1)
    return float(np.quantile(drawn / len(values), 0.975))


def bins(
    confidence: Sequence[float] | np.ndarray | None, right: np.ndarray
) -> list[dict[str, Any]]:
    """The bins that have rows: bounds (the low one excluded), mean confidence, share of right."""
    values = _values(confidence)
    if values is None:
        return []
    place = _bin(values)
    rows = np.bincount(place, minlength=BINS)
    mean = ratio(np.bincount(place, values, BINS), rows)
    share = ratio(np.bincount(place, right.astype(float), BINS), rows)
    return [
        {
            "low": i / BINS,
            "high": (i + 1) / BINS,
            "rows": int(rows[i]),
            "confidence": float(mean[i]),
            "accuracy": float(share[i]),
        }
        for i in np.flatnonzero(rows).tolist()
    ]


def _values(confidence: Sequence[float] | np.ndarray | None) -> np.ndarray | None:
    if confidence is None:
        return None
    values = np.array([np.nan if v is None else v for v in confidence], dtype=float)
    # A softmax in 32 bits may end a hair above 1.
    fits = np.isfinite(values).all() and (values >= 0).all() and (values <= 1 + 1e-6).all()
    return np.clip(values, 0.0, 1.0) if fits else None


def _bin(values: np.ndarray) -> np.ndarray:
    """The bin of each value: above its low bound, at most its high one; 0 is in the first."""
    place: np.ndarray = np.clip(np.ceil(values * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return place
