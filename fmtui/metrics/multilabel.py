"""Classification of texts that have any number of labels each; scikit-learn's values.

Averages are over all labels of the model, those without a row included: so scikit-learn counts
where each row is a vector of yes and no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fmtui.metrics import classification, ranking
from fmtui.metrics.parts import Figures, Found, Part, mean_of, ratio


def figures(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> Found:
    """See `fmtui.metrics.measure`."""
    truth, prediction = ([set(row or ()) for row in columns[n]] for n in ("label", "prediction"))
    given = len(labels)
    places = {label: i for i, label in enumerate(labels)}
    for label in sorted(set().union(*truth, *prediction) - places.keys()):
        places[label] = len(places)
    names = list(places)
    right = [t & p for t, p in zip(truth, prediction, strict=True)]
    parts = [sparse_of(rows, places) for rows in (right, prediction, truth)]
    same = np.array([t == p for t, p in zip(truth, prediction, strict=True)], dtype=float)
    counts = sparse.hstack([*parts, sparse.csr_matrix(np.column_stack([same, np.ones(len(same))]))])
    share = {"accuracy": (len(same), 1.0)}
    scores = classification.as_array(columns.get("scores"), given)
    ranked = scores is not None and given == len(names)
    others, fixed = ranking.areas(scores, parts[2].toarray() > 0) if ranked else ({}, {})
    sums = [np.asarray(part.sum(axis=0), dtype=float).ravel() for part in parts]
    return Found(
        [Part(counts.tocsr(), _figures(len(names)), share), *mean_of("loss", columns.get("loss"))],
        others=others,
        fixed=fixed,
        labels=names,
        per_label=classification.by_label(names, *sums),
    )


def sparse_of(rows: Sequence[set[str]], places: Mapping[str, int]) -> sparse.csr_matrix:
    """Sets of labels as a matrix (rows, labels) of noughts and ones."""
    row = [i for i, labels in enumerate(rows) for _ in labels]
    column = [places[label] for labels in rows for label in labels]
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), (len(rows), len(places)))


def _figures(labels: int) -> Figures:
    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        right, predicted, true = np.split(sums[:, : 3 * labels], 3, axis=1)
        same, rows = sums[:, -2], sums[:, -1]
        f1 = ratio(2 * right, predicted + true)
        wrong = (predicted + true - 2 * right).sum(1)
        return {
            "accuracy": ratio(same, rows),
            "f1_macro": f1.mean(1),
            "f1_micro": ratio(2 * right.sum(1), (predicted + true).sum(1)),
            "f1_weighted": ratio((f1 * true).sum(1), true.sum(1)),
            "hamming_loss": ratio(wrong, rows * labels),
        }

    return figures
