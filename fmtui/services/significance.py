"""Whether two models that answered the same rows differ by more than chance, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fmtui.metrics.shares import holm, mcnemar

LEVEL = 0.05
FEW = 30


@dataclass(frozen=True)
class Pair:
    """Two runs on the same rows: `a_wins` rows only the first got right, `b_wins` the second.

    `p` is McNemar's; where several tests were made, `adjusted` is what all of them together leave.
    """

    a: str
    b: str
    rows: int
    a_wins: int
    b_wins: int
    p: float
    adjusted: float | None = None

    def sentence(self) -> str:
        """The finding in plain words."""
        if self.a_wins == self.b_wins == 0:
            return f"{self.a} and {self.b} are right and wrong on the very same rows."
        more, less = (self.b, self.a) if self.b_wins >= self.a_wins else (self.a, self.b)
        high, low = max(self.a_wins, self.b_wins), min(self.a_wins, self.b_wins)
        rows = "1 row" if high == 1 else f"{high:,} rows"
        p = _chance("McNemar", self.p, self.adjusted)
        return f"{_verdict(self)}: {p}; {more} wins {rows}, {less} {low:,}."

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [self.a, self.b],
            "test": "McNemar",
            "metric": "accuracy",
            "rows": self.rows,
            "wins": [self.a_wins, self.b_wins],
            "p": self.p,
            "adjusted": self.adjusted,
            "sentence": self.sentence(),
        }


@dataclass(frozen=True)
class Resampled:
    """A figure of two runs on the same rows, put to the paired bootstrap.

    `difference` is the second's less the first's, `low` and `high` its 95% interval. `rows` were
    tested, a sample where that is fewer than `of`.
    """

    a: str
    b: str
    metric: str
    rows: int
    of: int
    difference: float
    low: float
    high: float
    p: float
    adjusted: float | None = None

    def sentence(self) -> str:
        """The finding in plain words."""
        if self.low == self.high == self.difference == 0:
            return f"{self.metric} of {self.a} and {self.b} is the same, whichever rows are taken."
        way = "higher" if self.difference >= 0 else "lower"
        words = (
            f"{_verdict(self)}: {self.metric} of {self.b} is {way} than of {self.a} by "
            f"{abs(self.difference):.4g} (95% interval {self.low:.4g} to {self.high:.4g}), "
            f"{_chance('paired bootstrap', self.p, self.adjusted)}"
        )
        if self.rows < self.of:
            words += f", on {self.rows:,} of the {self.of:,} rows, drawn by seed"
        elif self.rows < FEW:
            words += f"; {self.rows} rows are few to tell by"
        return words + "."

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [self.a, self.b],
            "test": "paired bootstrap",
            "metric": self.metric,
            "rows": self.rows,
            "of": self.of,
            "difference": self.difference,
            "interval": [self.low, self.high],
            "p": self.p,
            "adjusted": self.adjusted,
            "sentence": self.sentence(),
        }


Test = Pair | Resampled


def _verdict(test: Test) -> str:
    p = test.p if test.adjusted is None else test.adjusted
    return "The difference may be chance" if p >= LEVEL else "The difference is real"


def _chance(test: str, p: float, adjusted: float | None) -> str:
    shown = p if adjusted is None else adjusted
    words = f"= {shown:.2g}" if shown >= 1e-4 else "< 0.0001"
    return f"{test} p {words}" + (" (Holm)" if adjusted is not None else "")


def pair(a: str, b: str, a_right: Sequence[bool], b_right: Sequence[bool]) -> Pair:
    """McNemar's test on two runs' rows, in the same order."""
    a_wins = sum(x and not y for x, y in zip(a_right, b_right, strict=True))
    b_wins = sum(y and not x for x, y in zip(a_right, b_right, strict=True))
    return Pair(a, b, len(a_right), a_wins, b_wins, mcnemar(a_wins, b_wins))


def together(tests: Sequence[Test]) -> tuple[Test, ...]:
    """Tests of the same kind on the same rows, each held to what all of them together leave."""
    if len(tests) < 2:
        return tuple(tests)
    raised = holm([test.p for test in tests])
    return tuple(replace(t, adjusted=p) for t, p in zip(tests, raised, strict=True))
