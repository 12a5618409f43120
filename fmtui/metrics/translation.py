"""Translations by BLEU (Papineni et al., 2002) and chrF (Popović, 2015): sacrebleu's own values.

Both are functions of n-gram counts added up over the rows, which sacrebleu gives row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fmtui.metrics.parts import Figures, Found, Part, mean_of

ORDERS = (1, 2, 3, 4)


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`."""
    loss = mean_of("loss", columns.get("loss"))
    if "target" not in columns or "prediction" not in columns:
        return Found(loss)
    pair = columns["prediction"], columns["target"]
    bleu_names = ("sacrebleu", *(f"bleu_{order}" for order in ORDERS))
    return Found([bleu(*pair, names=bleu_names), chrf(*pair), *loss])


def bleu(
    predictions: Sequence[str | None],
    references: Sequence[str],
    *,
    names: Sequence[str],
    known: np.ndarray | None = None,
) -> Part:
    """`sacrebleu` (0..100) and `bleu_N` (0..1, up to N-grams), those that are named."""
    from sacrebleu.metrics import BLEU

    # Its statistics begin with the two lengths; then come matches and totals by order.
    return Part(_statistics(BLEU(force=True), predictions, references, known), _bleu_of(names))


def _bleu_of(names: Sequence[str]) -> Figures:
    from sacrebleu.metrics import BLEU

    def score(counts: list[int], order: int) -> float:
        found = BLEU.compute_bleu(
            counts[2 : 2 + order],
            counts[6 : 6 + order],
            counts[0],
            counts[1],
            smooth_method="exp",
            max_ngram_order=order,
        )
        return float(found.score)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        rows = [[round(count) for count in row] for row in sums.tolist()]
        by_order = {
            order: np.array([score(row, order) for row in rows])
            for order in ORDERS
            if f"bleu_{order}" in names or (order == 4 and "sacrebleu" in names)
        }
        found = {f"bleu_{order}": values / 100 for order, values in by_order.items()}
        if "sacrebleu" in names:
            found["sacrebleu"] = by_order[4]
        return {name: found[name] for name in names}

    return figures


def chrf(predictions: Sequence[str | None], references: Sequence[str]) -> Part:
    """`chrf` (0..100): chrF2 over up to six characters."""
    from sacrebleu.metrics import CHRF

    metric = CHRF()

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        scores = [metric._compute_f_score(row) for row in sums.tolist()]
        return {"chrf": np.array(scores)}

    return Part(_statistics(metric, predictions, references, None), figures)


def _statistics(
    metric: Any,
    predictions: Sequence[str | None],
    references: Sequence[str],
    known: np.ndarray | None,
) -> np.ndarray:
    """sacrebleu's sufficient statistics of each row, as its own tests of significance use them."""
    hypotheses = [prediction or "" for prediction in predictions]
    rows = metric._extract_corpus_statistics(hypotheses, [list(references)])
    statistics: np.ndarray = np.array(rows, dtype=float)
    if known is not None:
        statistics *= known[:, None]
    return statistics
