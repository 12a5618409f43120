"""Length-bucketed batches under a token budget.

Padding every row to a fixed length, as the example scripts do, makes short texts cost up to ten
times what they need. Here rows of like length share a batch, and a batch holds as many rows as
fit a budget of tokens, so that every step costs about the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_MOST = 2
"""A batch holds at most so many times the nominal number of rows, however short they are."""

_JITTER = 0.05
"""Lengths are blurred by this share, so that an epoch's batches are not those of the last."""

_TRIES = 4
"""How often the budget is raised until an epoch has the batches that it should have."""


class TokenBudgetBatches:
    """A batch sampler: yields lists of row indices.

    The sizes of the batches are planned once, from the sorted lengths, so that every epoch has
    the same number of steps: resuming counts on it. An epoch's order depends on `seed` and its
    number alone.

    Args:
        lengths: Tokens of each row.
        batch_size: Rows of average length in a batch: an epoch has as many batches as if each
            held that many rows.
        seed: Of the shuffle.
        shares: Processes that train together. A batch is planned for all of them and yielded in
            so many even parts, one after the other: accelerate's BatchSamplerShard hands each
            process its part, so that the result is that of one process with the whole batch.
    """

    batch_size = None
    """Read by BatchSamplerShard: batches differ in size."""

    drop_last = False

    def __init__(
        self, lengths: Sequence[int], batch_size: int, *, seed: int, shares: int = 1
    ) -> None:
        self.lengths = list(lengths)
        self.seed = seed
        self.epoch = 0
        self.shares = shares
        together = batch_size * shares
        mean = sum(self.lengths) / max(len(self.lengths), 1)
        self.budget = max(together * mean, 1.0)
        ascending, most = sorted(self.lengths), together * _MOST
        self.sizes = self._plan(ascending, most)
        wanted = -(-len(self.lengths) // together)
        for _ in range(_TRIES):  # what padding and whole rows cost stands on top
            if len(self.sizes) <= wanted:
                break
            self.budget *= max(len(self.sizes) / wanted, 1.01)
            self.sizes = self._plan(ascending, most)

    def _plan(self, ascending: list[int], most: int) -> list[int]:
        sizes: list[int] = []
        rows = 0
        for length in ascending:
            full = rows >= most or (rows + 1) * length > self.budget
            if rows >= self.shares and full:
                sizes.append(rows)
                rows = 0
            rows += 1
        if rows:
            sizes.append(rows)
        return sizes

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def steps(self, accumulated: int = 1) -> int:
        """Steps of an epoch in which so many batches make one."""
        return -(-len(self.sizes) // accumulated)

    def __len__(self) -> int:
        return len(self.sizes) * self.shares

    def __iter__(self) -> Iterator[list[int]]:
        rng = random.Random(f"{self.seed}/{self.epoch}")
        keys = [length * (1 + _JITTER * rng.random()) + rng.random() for length in self.lengths]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        batches = []
        start = 0
        for size in self.sizes:
            batches.append(order[start : start + size])
            start += size
        rng.shuffle(batches)
        return (part for batch in batches for part in self._parts(batch))

    def _parts(self, batch: list[int]) -> list[list[int]]:
        """Parts of like length; a batch with fewer rows than parts repeats rows to fill them."""
        while len(batch) < self.shares:
            batch = batch + batch[: self.shares - len(batch)]
        return [batch[share :: self.shares] for share in range(self.shares)]


def by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Batches for measuring: longest first, under the same budget, every row once."""
    plan = TokenBudgetBatches(lengths, batch_size, seed=0)
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    batches, start = [], 0
    for size in plan.sizes:
        batches.append(order[start : start + size])
        start += size
    return batches[::-1]
