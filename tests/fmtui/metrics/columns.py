"""Made-up predictions of every task: seeded, and wrong in many ways."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

Columns = dict[str, Any]

LABELS = ["card lost", "card stolen", "refund", "top up", "transfer"]
WORDS = (
    "the", "a", "small", "Red", "card", "was", "lost,", "in", "Paris;", "money", "back?", "please",
    "help", "—", "now.", "It's", "42", "%",
)  # fmt: skip
TYPES = ("PER", "LOC", "ORG-X")


def classified(rows: int = 300, labels: int = 5, seed: int = 0, right: float = 0.8) -> Columns:
    """One label a row, with scores as a softmax gives them."""
    rng = np.random.default_rng(seed)
    names = label_names(labels)
    true = np.concatenate([np.arange(labels), rng.integers(0, labels, rows - labels)])
    logits = rng.normal(size=(rows, labels))
    logits[np.arange(rows), true] += np.where(rng.random(rows) < right, 3.0, 0.0)
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = scores.argmax(1)
    return {
        "row": list(range(1, rows + 1)),
        "text": [f"text {i}" for i in range(rows)],
        "label": [names[i] for i in true],
        "prediction": [names[i] for i in predicted],
        "score": scores.max(1).tolist(),
        "scores": scores.tolist(),
        "loss": (-np.log(scores[np.arange(rows), true])).tolist(),
        "length": rng.integers(3, 90, rows).tolist(),
        "right": (true == predicted).tolist(),
    }


def label_names(labels: int) -> list[str]:
    return LABELS[:labels] if labels <= len(LABELS) else [f"label {i}" for i in range(labels)]


def many_labeled(rows: int = 200, seed: int = 0) -> Columns:
    """Any number of labels a row."""
    rng = np.random.default_rng(seed)
    true = rng.random((rows, len(LABELS))) < 0.3
    scores = np.clip(true * 0.4 + rng.random((rows, len(LABELS))) * 0.6, 0, 1)
    predicted = scores > 0.5

    def names(row: Any) -> list[str]:
        return [LABELS[i] for i in np.flatnonzero(row)]

    return {
        "text": [f"text {i}" for i in range(rows)],
        "label": [names(row) for row in true],
        "prediction": [names(row) for row in predicted],
        "scores": scores.tolist(),
        "right": (true == predicted).all(1).tolist(),
    }


def tagged(rows: int = 120, seed: int = 0, right: float = 0.7) -> Columns:
    """Tags as models give them, broken BIO included."""
    rng = random.Random(seed)
    tags = ["O", "O", "O", *(f"{mark}-{kind}" for mark in "BI" for kind in TYPES)]
    true = [[rng.choice(tags) for _ in range(rng.randint(1, 14))] for _ in range(rows)]
    predicted = [[t if rng.random() < right else rng.choice(tags) for t in row] for row in true]
    return {
        "tokens": [[rng.choice(WORDS) for _ in row] for row in true],
        "tags": true,
        "prediction": predicted,
        "loss": [rng.random() for _ in true],
        "length": [len(row) + 2 for row in true],
        "right": [a == b for a, b in zip(true, predicted, strict=True)],
    }


def written(rows: int = 60, seed: int = 0, keep: float = 0.75) -> tuple[list[str], list[str]]:
    """References, and what a model made of them; some of it nothing at all."""
    rng = random.Random(seed)
    references, hypotheses = [], []
    for number in range(rows):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 25))]
        guess = [w if rng.random() < keep else rng.choice(WORDS) for w in words]
        if rng.random() < 0.3:
            guess.insert(len(guess) // 2, "\n")
        references.append(" ".join(words))
        hypotheses.append("" if number % 17 == 3 else " ".join(guess))
    return references, hypotheses


def answered(rows: int = 80, seed: int = 0, unanswerable: bool = True) -> Columns:
    """Extracted answers; every fifth question has none."""
    rng = random.Random(seed)
    references, hypotheses = written(rows, seed)
    answers = [
        [] if unanswerable and i % 5 == 0 else [text, rng.choice(references)]
        for i, text in enumerate(references)
    ]
    guesses = [
        rng.choice(["", guess]) if not gold else rng.choice([guess, gold[0], f"The {gold[0]}!"])
        for guess, gold in zip(hypotheses, answers, strict=True)
    ]
    return {
        "id": [f"q{i}" for i in range(rows)],
        "question": [f"what is {i}?" for i in range(rows)],
        "context": [f"before {text} after" for text in references],
        "answers": answers,
        "prediction": guesses,
        "score": [rng.random() for _ in guesses],
        "length": [rng.randint(5, 300) for _ in guesses],
    }
