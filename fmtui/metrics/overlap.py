"""Summaries by ROUGE (Lin, 2004): rouge-score's own values, with its stemmer.

Of several references the one with the best F counts, for each kind of ROUGE by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from fmtui.metrics.parts import Found, mean_of, means

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`."""
    loss = mean_of("loss", columns.get("loss"))
    if "summary" not in columns or "prediction" not in columns:
        return Found(loss)
    values = rouge(columns["prediction"], columns["summary"], KINDS)
    return Found([means(KINDS, values), *loss])


def rouge(
    predictions: Sequence[str | None], references: Sequence[Any], kinds: Sequence[str]
) -> np.ndarray:
    """F of each kind for each row: (rows, kinds). A row's references: a text, or several."""
    scorer = _scorer(tuple(kinds))
    values = np.zeros((len(predictions), len(kinds)))
    for i, (prediction, given) in enumerate(zip(predictions, references, strict=True)):
        texts = [given] if isinstance(given, str) else list(given if given is not None else ())
        if texts:
            scores = scorer.score_multi(texts, prediction or "")
            values[i] = [scores[kind].fmeasure for kind in kinds]
    return values


@cache
def _scorer(kinds: tuple[str, ...]) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(kinds), use_stemmer=True)
