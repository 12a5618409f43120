"""Entities in tokens, counted as seqeval does by default (as conlleval): type and bounds agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fmtui.errors import BadInputError
from fmtui.metrics.classification import by_label
from fmtui.metrics.parts import Figures, Found, Part, mean_of, ratio

Span = tuple[str, int, int]
"""Type, first token, last token."""

OUTSIDE = "O"


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`. Raises BadInputError for tags that do not fit their tokens."""
    loss = mean_of("loss", columns.get("loss"))
    if "tags" not in columns or "prediction" not in columns:
        return Found(loss)
    pairs = [
        (list(t), list(p)) for t, p in zip(columns["tags"], columns["prediction"], strict=True)
    ]
    numbers = columns.get("row", range(1, len(pairs) + 1))
    for number, (tags, predicted) in zip(numbers, pairs, strict=True):
        if len(tags) != len(predicted):
            raise BadInputError(f"{len(predicted)} tags are predicted for {len(tags)}", row=number)
    true = [set(entities(tags)) for tags, _ in pairs]
    found = [set(entities(predicted)) for _, predicted in pairs]
    types = sorted({span[0] for spans in (*true, *found) for span in spans})
    counts = _counts([t & f for t, f in zip(true, found, strict=True)], found, true, types)
    tokens = [
        (sum(t == p for t, p in zip(tags, predicted, strict=True)), len(tags))
        for tags, predicted in pairs
    ]
    matrix = sparse.hstack([counts, sparse.csr_matrix(np.array(tokens, dtype=float))]).tocsr()
    sums = np.asarray(counts.sum(axis=0), dtype=float).reshape(3, len(types))
    return Found(
        [Part(matrix, _figures(len(types))), *loss],
        labels=[*types, OUTSIDE],
        confusion=_confusion(pairs, [*types, OUTSIDE]),
        per_label=by_label(types, *sums),
    )


def entities(tags: Sequence[str]) -> list[Span]:
    """The entities of a row's tags, by seqeval's own rule; an empty tag is none."""
    from seqeval.metrics.sequence_labeling import get_entities

    spans: list[Span] = get_entities([tag or OUTSIDE for tag in tags])
    return spans


def type_of(tag: str) -> str:
    """The type in a tag: `B-PER` is PER, `O` is O."""
    return OUTSIDE if tag in ("", OUTSIDE) else tag[1:].split("-", 1)[-1] or "_"


def _counts(
    right: list[set[Span]], found: list[set[Span]], true: list[set[Span]], types: list[str]
) -> sparse.csr_matrix:
    """(rows, 3 types): entities right, predicted and true, each by type."""
    places = {name: i for i, name in enumerate(types)}
    row, column = [], []
    for block, rows in enumerate((right, found, true)):
        for i, spans in enumerate(rows):
            for span in spans:
                row.append(i)
                column.append(block * len(types) + places[span[0]])
    # What stands twice at the same place is added up.
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), (len(true), 3 * len(types)))


def _figures(types: int) -> Figures:
    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        blocks = sums[:, : 3 * types].reshape(len(sums), 3, types).sum(2)
        right, predicted, true = blocks.T
        return {
            "precision": ratio(right, predicted),
            "recall": ratio(right, true),
            "f1": ratio(2 * right, predicted + true),
            "accuracy": ratio(sums[:, -2], sums[:, -1]),
        }

    return figures


def _confusion(pairs: list[tuple[list[str], list[str]]], types: list[str]) -> list[list[int]]:
    """Tokens by true and predicted type."""
    places = {name: i for i, name in enumerate(types)}
    matrix = [[0] * len(types) for _ in types]
    for tags, predicted in pairs:
        for tag, guess in zip(tags, predicted, strict=True):
            a, b = (places.get(type_of(word), len(types) - 1) for word in (tag, guess))
            matrix[a][b] += 1
    return matrix
