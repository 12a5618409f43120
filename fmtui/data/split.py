"""Seeded, stratified splits: the same seed and rows give the same split on every machine."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence


def stratified(
    strata: Sequence[Hashable], fractions: dict[str, float], *, seed: int, rest: str = "train"
) -> dict[str, list[int]]:
    """Deal row indices to named parts so that each stratum is shared out in proportion.

    Args:
        strata: One value a row, the label for instance; a constant for a plain random split.
        fractions: The parts and their shares, each in (0, 1); the remainder goes to `rest`.
        seed: Of the shuffle.

    Returns:
        Part name to row indices in ascending order. A stratum with a single row stays in `rest`;
        shares that don't divide a stratum evenly are settled over all strata, so that each part's
        size is within one row of its share as far as that allows.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, stratum in enumerate(strata):
        groups[stratum].append(index)
    shuffle = random.Random(seed)
    parts: dict[str, list[int]] = {rest: [], **{name: [] for name in fractions}}
    owed = dict.fromkeys(fractions, 0.0)
    for stratum in sorted(groups, key=str):
        members = groups[stratum]
        shuffle.shuffle(members)
        taken = 0
        for name, fraction in fractions.items():
            owed[name] += fraction * len(members)
            count = min(round(owed[name]), len(members) - 1 - taken)
            count = max(count, 0)
            owed[name] -= count
            parts[name] += members[taken : taken + count]
            taken += count
        parts[rest] += members[taken:]
    return {name: sorted(indices) for name, indices in parts.items()}
