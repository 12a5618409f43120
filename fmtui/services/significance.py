"""Whether two models that answered the same rows differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_Z95 = 1.959963984540054
_EXACT_UP_TO = 1000
LEVEL = 0.05


@dataclass(frozen=True)
class Pair:
    """Two runs on the same rows: `a_wins` rows only the first got right, `b_wins` the second."""

    a: str
    b: str
    rows: int
    a_wins: int
    b_wins: int
    p: float

    def sentence(self) -> str:
        """The finding in plain words."""
        if self.a_wins == self.b_wins == 0:
            return f"{self.a} and {self.b} are right and wrong on the very same rows."
        words = "The difference may be chance" if self.p >= LEVEL else "The difference is real"
        p = f"{self.p:.2g}" if self.p >= 1e-4 else "< 0.0001"
        equals = "" if p.startswith("<") else "= "
        more, less = (self.b, self.a) if self.b_wins >= self.a_wins else (self.a, self.b)
        high, low = max(self.a_wins, self.b_wins), min(self.a_wins, self.b_wins)
        rows = "1 row" if high == 1 else f"{high:,} rows"
        return f"{words}: McNemar p {equals}{p}; {more} wins {rows}, {less} {low:,}."

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [self.a, self.b],
            "rows": self.rows,
            "wins": [self.a_wins, self.b_wins],
            "p": self.p,
            "sentence": self.sentence(),
        }


def wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95% interval of a share: Wilson's score interval (1927)."""
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


def pair(a: str, b: str, a_right: Sequence[bool], b_right: Sequence[bool]) -> Pair:
    """The test on two runs' rows, in the same order."""
    a_wins = sum(x and not y for x, y in zip(a_right, b_right, strict=True))
    b_wins = sum(y and not x for x, y in zip(a_right, b_right, strict=True))
    return Pair(a, b, len(a_right), a_wins, b_wins, mcnemar(a_wins, b_wins))
