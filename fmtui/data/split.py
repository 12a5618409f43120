"""Seeded splits: the same seed and rows give the same split on every machine."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

from fmtui.tasks.base import Record, Task

REST = "train"


def deal(
    task: Task, records: Sequence[Record], fractions: dict[str, float], *, seed: int
) -> dict[str, list[int]]:
    """Deal records as their task wants it: whole groups where it has some (the questions of an
    article), else each label in proportion. Part name to indices; `train` is the rest."""
    groups = task.groups(records)
    if groups is not None:
        return in_groups(groups, fractions, seed=seed)
    return stratified([task.stratum(record) for record in records], fractions, seed=seed)


def in_groups(
    groups: Sequence[str], fractions: dict[str, float], *, seed: int, rest: str = REST
) -> dict[str, list[int]]:
    """Deal row indices to named parts so that a group is in one part alone.

    Args:
        groups: One value a row.
        fractions: The parts and their shares of the rows; the remainder goes to `rest`.

    Returns:
        Part name to row indices in ascending order; a part is as near to its share as whole groups
        allow, and has at least one group as long as `rest` keeps one too.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    order = sorted(members)
    random.Random(seed).shuffle(order)
    parts: dict[str, list[int]] = {rest: [], **{name: [] for name in fractions}}
    for name, fraction in fractions.items():
        wanted = fraction * len(groups)
        for group in list(order):
            size = len(members[group])
            if len(order) > 1 and len(parts[name]) + size / 2 <= wanted:
                parts[name] += members[group]
                order.remove(group)
        if not parts[name] and len(order) > 1:
            smallest = min(order, key=lambda group: len(members[group]))
            parts[name] += members[smallest]
            order.remove(smallest)
    parts[rest] += [index for group in order for index in members[group]]
    return {name: sorted(indices) for name, indices in parts.items()}


def stratified(
    strata: Sequence[Hashable], fractions: dict[str, float], *, seed: int, rest: str = REST
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
