"""The metrics by name: which one decides, which ones are told first, and which way is better."""

from __future__ import annotations

MAIN = {
    "text-classification": "f1_macro",
    "token-classification": "f1",
    "question-answering": "f1",
    "summarization": "rouge1",
    "translation": "sacrebleu",
    "text-generation": "perplexity",
}
"""The metric by which two models of a task are told apart."""

HEADLINES = {
    "text-classification": ("accuracy", "f1_macro"),
    "token-classification": ("f1", "precision", "recall"),
    "question-answering": ("exact", "f1"),
    "summarization": ("rouge1", "rouge2", "rougeL"),
    "translation": ("sacrebleu", "chrf"),
    "text-generation": ("perplexity", "rougeL", "exact_match"),
}
"""What is told first of a task."""

NEEDED = {
    "text-classification": ("label", "prediction"),
    "token-classification": ("tags", "prediction"),
    "question-answering": ("answers", "prediction"),
    "summarization": ("summary", "prediction"),
    "translation": ("target", "prediction"),
    "text-generation": ("nll", "tokens"),
}
"""The columns of predictions that the main metric is made of."""


def lower_is_better(name: str) -> bool:
    """Whether less of a metric is more."""
    return name == "ece" or any(
        word in name for word in ("loss", "perplexity", "nll", "error", "_rate")
    )
