"""The figures of the field's own libraries, and of SQuAD's rule, from an evaluation's rows."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def official(task: str, rows: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """What they say of the columns of a `predictions.parquet`, under the names used here."""
    makers = {
        "token-classification": _seqeval,
        "question-answering": _squad,
        "summarization": _rouge,
        "translation": _sacrebleu,
    }
    return makers[task](rows)


def _seqeval(rows: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score

    pair = rows["tags"], rows["prediction"]
    return {
        "f1": float(f1_score(*pair)),
        "precision": float(precision_score(*pair)),
        "recall": float(recall_score(*pair)),
        "accuracy": float(accuracy_score(*pair)),
    }


def _squad(rows: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """https://rajpurkar.github.io/SQuAD-explorer: the best over the answers that were given, after
    case, punctuation, articles and white space are evened out; in percent."""
    exact = overlap = 0.0
    for answers, guess in zip(rows["answers"], rows["prediction"], strict=True):
        known = answers or [""]
        exact += max(_even(guess) == _even(answer) for answer in known)
        overlap += max(_overlap(_even(guess).split(), _even(answer).split()) for answer in known)
    count = len(rows["prediction"])
    return {"exact": 100 * exact / count, "f1": 100 * overlap / count}


def _even(text: str) -> str:
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def _overlap(guess: list[str], answer: list[str]) -> float:
    if not guess or not answer:
        return float(guess == answer)
    same = sum((Counter(guess) & Counter(answer)).values())
    return 2 * same / (len(guess) + len(answer))


def _rouge(rows: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    from rouge_score.rouge_scorer import RougeScorer

    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scorer = RougeScorer(names, use_stemmer=True)
    sums: Counter[str] = Counter()
    for references, guess in zip(rows["summary"], rows["prediction"], strict=True):
        known = [references] if isinstance(references, str) else references
        for name, score in scorer.score_multi(known, guess).items():
            sums[name] += score.fmeasure
    return {name: sums[name] / len(rows["prediction"]) for name in names}


def _sacrebleu(rows: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    from sacrebleu.metrics import BLEU, CHRF

    guesses, references = list(rows["prediction"]), [list(rows["target"])]
    return {
        "sacrebleu": BLEU().corpus_score(guesses, references).score,
        "chrf": CHRF().corpus_score(guesses, references).score,
    }
