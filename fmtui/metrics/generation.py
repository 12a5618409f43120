"""Written text: how well it was foreseen (perplexity), and what was written, where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fmtui.metrics.overlap import rouge
from fmtui.metrics.parts import Found, Part, means, ratio
from fmtui.metrics.translation import bleu

_MOST = 700.0
"""e to a higher power is no number any more."""


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`."""
    parts = perplexity(columns["nll"], columns["tokens"]) if _has(columns, "nll", "tokens") else []
    if _has(columns, "text", "prediction"):
        parts += written(columns["prediction"], columns["text"])
    return Found(parts)


def _has(columns: Mapping[str, Sequence[Any]], *names: str) -> bool:
    return all(name in columns for name in names)


def perplexity(
    nll: Sequence[float | None] | np.ndarray, tokens: Sequence[int | None] | np.ndarray
) -> list[Part]:
    """`loss` a token and `perplexity`, e to it (Jelinek et al., 1977); none without tokens.

    Args:
        nll: Negative log likelihood of each row, summed over its counted tokens, in nats.
        tokens: How many were counted.
    """
    lost = np.array([np.nan if v is None else v for v in nll], dtype=float)
    counted = np.array([0 if v is None else v for v in tokens], dtype=float)
    known = np.isfinite(lost) & (counted > 0)
    if not known.any():
        return []

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        loss = ratio(sums[:, 0], sums[:, 1], np.nan)
        return {"perplexity": np.exp(np.minimum(loss, _MOST)), "loss": loss}

    return [Part(np.where(known, [lost, counted], 0.0).T, figures)]


def written(predictions: Sequence[str | None], references: Sequence[str]) -> list[Part]:
    """`rouge1`, `rougeL`, `bleu_4` and `exact_match` of the rows for which text was written.

    White space around the text does not count for `exact_match`.
    """
    known = np.array([prediction is not None for prediction in predictions])
    if not known.any():
        return []
    shown = [p if p is not None else "" for p in predictions]
    texts = [reference or "" for reference in references]
    exact = np.array([p.strip() == r.strip() for p, r in zip(shown, texts, strict=True)])
    matched = means(["exact_match"], (exact & known).astype(float)[:, None], known)
    share = {"exact_match": (int(known.sum()), 1.0)}
    kinds = ("rouge1", "rougeL")
    chosen = np.zeros((len(known), len(kinds)))
    at = np.flatnonzero(known).tolist()
    chosen[at] = rouge([shown[i] for i in at], [texts[i] for i in at], kinds)
    return [
        Part(matched.rows, matched.figures, share),
        means(kinds, chosen, known),
        bleu(shown, texts, names=["bleu_4"], known=known.astype(float)),
    ]
