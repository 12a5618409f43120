"""How sure a figure is, and whether two models differ: rows drawn anew, seeded.

Rows are drawn with replacement as often as there are rows (Efron, "Bootstrap methods: another
look at the jackknife", Annals of Statistics 7, 1979). Above `UNITS` rows they are first dealt at
random into so many groups, and groups are drawn: sums over rows that are independent have the
same spread either way, known to two hundredths from so many, and the cost stays that of `UNITS`
rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from fmtui.metrics.measured import Interval
from fmtui.metrics.parts import Found, Part
from fmtui.metrics.shares import wilson

UNITS = 5_000
_CHUNK = 64
_DENSE = 0.05


@dataclass(frozen=True)
class Paired:
    """A figure of two models on the same rows.

    `difference` is the second's less the first's, `low` and `high` its 95% interval, `p` the
    chance of one at least as great if they were the same.
    """

    metric: str
    a: float
    b: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        return self.b - self.a


def intervals(found: Found, *, seed: int, resamples: int) -> dict[str, Interval]:
    """95% intervals: Wilson's for shares, the percentiles of resamples for all else.

    One is left out where every resample gives the same: it would claim a certainty that is not
    there.
    """
    result = dict(found.fixed)
    drawn = resampled(found.parts, seed=seed, resamples=resamples) if resamples else []
    for part, of_part in zip(found.parts, drawn or [{}] * len(found.parts), strict=True):
        for name, value in part.values().items():
            if name in part.shares:
                rows, full = part.shares[name]
                low, high = wilson(round(value / full * rows), rows)
                result[name] = (low * full, high * full)
            elif name in of_part and (pair := _percentiles(of_part[name], value)):
                from_nought = value <= part.chance.get(name, -1.0)
                result[name] = (0.0, pair[1]) if from_nought else pair
    return result


def _percentiles(drawn: np.ndarray, value: float) -> Interval | None:
    """Efron's percentile interval, made wider where resampling itself pulls the figure away.

    That is where the mean of the resamples is off by more than a quarter of their spread (Efron
    and Tibshirani, "An introduction to the bootstrap", 1993, chapter 10), as with the error of
    calibration, which grows with every row that is drawn twice. Then it holds the percentiles moved
    back by the bias, those mirrored at the figure (Davison and Hinkley, "Bootstrap methods and
    their application", 1997, chapter 5: the basic interval), and the figure.
    """
    known = drawn[np.isfinite(drawn)]
    if not len(known) or known.min() == known.max():
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    bias = known.mean() - value
    if abs(bias) > 0.25 * known.std():
        low, high = (
            min(low - bias, 2 * value - high, value),
            max(high - bias, 2 * value - low, value),
        )
    least = 0.0 if min(known.min(), value) >= 0 else -np.inf
    most = 1.0 if max(known.max(), value) <= 1 else np.inf
    return float(max(low, least)), float(min(high, most))


def paired(a: Part, b: Part, metric: str, *, seed: int = 42, resamples: int = 1000) -> Paired:
    """The paired bootstrap test of one figure of two models on the same rows, two-sided.

    Both are measured on the same rows drawn anew (Koehn, "Statistical significance tests for
    machine translation evaluation", EMNLP 2004). p is the share of differences that lie further
    from their own mean than the one observed lies from nought, the observed one counted in
    (Riezler and Maxwell, "On some pitfalls in automatic evaluation and significance testing for
    MT", ACL workshop 2005; Davison and Hinkley, "Bootstrap methods and their application", 1997).
    """
    first, second = (p.values()[metric] for p in (a, b))
    drawn = [v[metric] for v in resampled([a, b], seed=seed, resamples=resamples)]
    differences = drawn[1] - drawn[0]
    differences = differences[np.isfinite(differences)]
    observed = second - first
    if not len(differences) or (observed == 0 and not differences.any()):
        return Paired(metric, first, second, observed, observed, 1.0)
    beyond = np.abs(differences - differences.mean()) >= abs(observed) - 1e-12
    low, high = np.percentile(differences, [2.5, 97.5])
    p = (int(beyond.sum()) + 1) / (len(differences) + 1)
    return Paired(metric, first, second, float(low), float(high), min(p, 1.0))


def resampled(parts: Sequence[Part], *, seed: int, resamples: int) -> list[dict[str, np.ndarray]]:
    """The figures of each part on rows drawn anew, all parts on the same draws; each (resamples,).

    Raises ValueError where the parts are not of the same rows.
    """
    if not parts:
        return []
    rows = {part.rows.shape[0] for part in parts}
    if len(rows) != 1:
        raise ValueError(f"parts of different numbers of rows: {sorted(rows)}")
    generator = np.random.default_rng(seed)
    units = _units([part.rows for part in parts], rows.pop(), generator)
    found: list[list[dict[str, np.ndarray]]] = [[] for _ in parts]
    for weights in _weights(units[0].shape[0], resamples, generator):
        for part, of_part, values in zip(parts, units, found, strict=True):
            values.append(part.figures(np.asarray(weights @ of_part)))
    return [
        {name: np.concatenate([chunk[name] for chunk in values]) for name in values[0]}
        for values in found
    ]


def _units(matrices: list[Any], rows: int, generator: np.random.Generator) -> list[Any]:
    """What is drawn: the rows, or the sums of the groups that they were dealt into."""
    if rows > UNITS:
        # Groups of equal size, give or take one: the size of a sample does not vary by chance.
        groups = generator.permutation(rows) % UNITS
        deal = sparse.csr_matrix((np.ones(rows), (groups, np.arange(rows))), (UNITS, rows))
        matrices = [deal @ matrix for matrix in matrices]
    return [_fast(matrix) for matrix in matrices]


def _fast(matrix: Any) -> Any:
    """Dense where that multiplies faster."""
    if sparse.issparse(matrix) and matrix.nnz > _DENSE * matrix.shape[0] * matrix.shape[1]:
        return matrix.toarray()
    return matrix


def _weights(units: int, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each unit was drawn: (some resamples, units), until there are `resamples`."""
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        drawn = generator.integers(0, units, (count, units))
        drawn += np.arange(count)[:, None] * units
        flat = np.bincount(drawn.ravel(), minlength=count * units)
        yield flat.reshape(count, units).astype(float)
