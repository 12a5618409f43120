"""The same figures on rows of like length: where a model is good, and where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fmtui.metrics.parts import Part

_FIRST = 16


def by_length(parts: Sequence[Part], lengths: Sequence[int | None] | None) -> list[dict[str, Any]]:
    """Slices of doubling length, from `length 1-16` on: name, rows, metrics.

    Rows of unknown length are in none. Where all rows are of one slice there is nothing to tell.
    """
    if lengths is None or not parts:
        return []
    known = np.array([0 if n is None else n for n in lengths], dtype=float)
    bounds: np.ndarray = _FIRST * 2 ** np.arange(40)
    place = np.where(known >= 1, np.searchsorted(bounds, known), -1)
    used = np.unique(place[place >= 0]).tolist()
    if len(used) < 2:
        return []
    inside = np.flatnonzero(place >= 0)
    row_of = np.searchsorted(used, place[inside])
    chosen = sparse.csr_matrix((np.ones(len(inside)), (row_of, inside)), (len(used), len(known)))
    values: dict[str, np.ndarray] = {}
    for part in parts:
        sums = chosen @ part.rows
        values |= part.figures(sums.toarray() if sparse.issparse(sums) else np.asarray(sums))
    return [
        {
            "name": f"length {1 if at == 0 else bounds[at - 1] + 1}-{bounds[at]}",
            "rows": int((place == at).sum()),
            "metrics": {n: float(v[i]) for n, v in values.items() if np.isfinite(v[i])},
        }
        for i, at in enumerate(used)
    ]
