"""The one shape that all metrics share here: what each row adds, and figures of the sums.

Because figures follow from sums, the same code gives the value, the intervals (sums of rows drawn
anew), the slices (sums of some rows) and a paired test (sums of the same rows of two models).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fmtui.metrics.measured import Interval

Figures = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Part:
    """Figures that follow from sums over rows.

    Args:
        rows: (n, k), an array or a sparse matrix of scipy: what each row adds.
        figures: Takes sums (r, k), gives every figure (r,); NaN where one is undefined.
        shares: Those figures that are a share of rows which are right, with the number of rows
            that count and the figure's value when all are right.
        chance: Those figures that chance alone keeps above 0, with how far: 97.5 of 100 samples of
            so many rows, of a model whose figure is 0, stay below.
    """

    rows: Any
    figures: Figures
    shares: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Each figure on all rows, but for those that are undefined there."""
        sums = np.asarray(self.rows.sum(axis=0), dtype=float).reshape(1, -1)
        found = {name: float(value[0]) for name, value in self.figures(sums).items()}
        return {name: value for name, value in found.items() if np.isfinite(value)}


@dataclass(frozen=True)
class Found:
    """What a task's module makes of the columns; as in `Measured`, before any resampling.

    `others` are values that are no function of sums, `fixed` their intervals.
    """

    parts: list[Part]
    others: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, Interval] = field(default_factory=dict)
    labels: Sequence[str] = ()
    confusion: list[list[int]] | None = None
    per_label: list[dict[str, Any]] = field(default_factory=list)
    calibration: list[dict[str, Any]] = field(default_factory=list)


def ratio(above: np.ndarray, below: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """`above / below`, and `empty` where there is nothing below."""
    some = below != 0
    result: np.ndarray = np.where(some, above / np.where(some, below, 1.0), empty)
    return result


def means(names: Sequence[str], values: np.ndarray, known: np.ndarray | None = None) -> Part:
    """The mean of each column of `values` (n, k) over the rows that are `known` (n,)."""
    weight = np.ones(len(values)) if known is None else known.astype(float)
    filled = np.where(weight[:, None] > 0, values, 0.0)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {name: ratio(sums[:, i], sums[:, -1], np.nan) for i, name in enumerate(names)}

    return Part(np.column_stack([filled, weight]), figures)


def mean_of(name: str, values: Sequence[float | None] | None) -> list[Part]:
    """The mean of a column with gaps, as a list of one part; none where nothing is known."""
    if values is None:
        return []
    column = np.array([np.nan if v is None else v for v in values], dtype=float)
    known = np.isfinite(column)
    return [means([name], np.where(known, column, 0.0)[:, None], known)] if known.any() else []
