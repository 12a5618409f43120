"""Extracted answers by the official rule of SQuAD 2.0 (Rajpurkar, Jia and Liang, ACL 2018).

Answers are compared in lower case, without punctuation and articles, white space folded. A row
counts its best gold answer; one without any is unanswerable, and right when nothing is answered.
On SQuAD 1.1 the rule gives that version's own values.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fmtui.metrics import calibration
from fmtui.metrics.parts import Found, Part, mean_of, ratio

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`."""
    loss = mean_of("loss", columns.get("loss"))
    if "answers" not in columns or "prediction" not in columns:
        return Found(loss)
    rows = [
        score(prediction or "", answers if answers is not None else ())
        for prediction, answers in zip(columns["prediction"], columns["answers"], strict=True)
    ]
    exact, f1, has = np.array(rows, dtype=float).reshape(-1, 3).T
    answerable = int(has.sum())
    ones = np.ones(len(rows))
    shares = {
        "exact": (len(rows), 100.0),
        "has_answer_exact": (answerable, 100.0),
        "no_answer_exact": (len(rows) - answerable, 100.0),
    }
    mixed = answerable < len(rows)
    return Found(
        [
            Part(
                np.column_stack([exact, f1, has, has * exact, has * f1, ones]),
                _mixed if mixed else _plain,
                shares if mixed else {"exact": shares["exact"]},
            ),
            *loss,
        ],
        calibration=calibration.bins(columns.get("score"), exact > 0),
    )


def _plain(sums: np.ndarray) -> dict[str, np.ndarray]:
    rows = sums[:, 5]
    return {"exact": 100 * ratio(sums[:, 0], rows), "f1": 100 * ratio(sums[:, 1], rows)}


def _mixed(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Also apart for rows with an answer and without one."""
    exact, _, has, has_exact, has_f1, rows = sums.T
    return _plain(sums) | {
        "has_answer_exact": 100 * ratio(has_exact, has, np.nan),
        "has_answer_f1": 100 * ratio(has_f1, has, np.nan),
        "no_answer_exact": 100 * ratio(exact - has_exact, rows - has, np.nan),
    }


def score(prediction: str, answers: Sequence[str]) -> tuple[bool, float, bool]:
    """Exact match and F1 (0..1) with the best of the answers, and whether there is any."""
    gold = [folded for answer in answers if (folded := normal(answer))]
    guess = normal(prediction)
    choices = gold or [""]
    return guess in choices, max(_f1(guess.split(), g.split()) for g in choices), bool(gold)


def normal(answer: str) -> str:
    """An answer as it is compared."""
    plain = answer.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", plain).split())


def _f1(guess: list[str], gold: list[str]) -> float:
    if not guess or not gold:
        return float(guess == gold)
    shared = sum((Counter(guess) & Counter(gold)).values())
    return 2 * shared / (len(guess) + len(gold))
