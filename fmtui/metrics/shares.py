"""Shares of rows that are right: how sure one is, and whether two of them differ."""

from __future__ import annotations

import math

from fmtui.metrics.measured import Interval

_Z95 = 1.959963984540054
_EXACT_UP_TO = 1000


def wilson(right: int, rows: int) -> Interval:
    """The 95% interval of a share: Wilson's score interval (1927).

    Unlike a bootstrap it keeps its width where all rows are right, or none.
    """
    if not rows:
        return 0.0, 1.0
    share, z2 = right / rows, _Z95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = _Z95 * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def mcnemar(a_wins: int, b_wins: int) -> float:
    """The two-sided p-value of McNemar's test (1947) on the rows where the two disagree.

    Exact, from the binomial distribution, up to 1,000 such rows; beyond, chi-squared with
    Edwards' correction, which agrees there to three digits.
    """
    rows, least = a_wins + b_wins, min(a_wins, b_wins)
    if rows == 0:
        return 1.0
    if rows <= _EXACT_UP_TO:
        tail = sum(math.comb(rows, k) for k in range(least + 1))
        return min(1.0, 2 * tail / 2.0**rows)
    chi2 = max(abs(a_wins - b_wins) - 1, 0) ** 2 / rows
    return math.erfc(math.sqrt(chi2 / 2))


def holm(p: list[float]) -> list[float]:
    """p-values of several tests, each raised so that all hold together: Holm (1979)."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    raised, highest = list(p), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - place) * p[i]))
        raised[i] = highest
    return raised
