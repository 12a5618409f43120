"""Batches hold every row once, under a budget, the same number in every epoch."""

from __future__ import annotations

import random

import pytest

from fmtui.workers.batches import TokenBudgetBatches, by_length

RNG = random.Random(0)
LENGTHS = [RNG.choice((5, 8, 12, 30, 64)) + RNG.randrange(4) for _ in range(1003)]


def padded(batches: list[list[int]]) -> int:
    return sum(len(b) * max(LENGTHS[i] for i in b) for b in batches)


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_an_epoch_holds_every_row_once(epoch: int) -> None:
    batches = TokenBudgetBatches(LENGTHS, 16, seed=3)
    batches.set_epoch(epoch)
    found = list(batches)
    assert sorted(i for b in found for i in b) == list(range(len(LENGTHS)))
    assert len(found) == len(batches)


def test_batches_keep_near_the_budget_and_pad_little() -> None:
    batches = TokenBudgetBatches(LENGTHS, 16, seed=3)
    found = list(batches)
    assert max(len(b) * max(LENGTHS[i] for i in b) for b in found) <= batches.budget * 1.25
    assert max(len(b) for b in found) <= 32
    assert padded(found) < 1.1 * sum(LENGTHS)
    fixed = len(LENGTHS) * 128
    assert padded(found) < fixed / 4


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    def epoch(seed: int, number: int) -> list[list[int]]:
        batches = TokenBudgetBatches(LENGTHS, 16, seed=seed)
        batches.set_epoch(number)
        return list(batches)

    assert epoch(1, 0) == epoch(1, 0)
    assert epoch(1, 0) != epoch(1, 1)
    assert epoch(1, 0) != epoch(2, 0)
    first = {tuple(sorted(b)) for b in epoch(1, 0)}
    assert not first & {tuple(sorted(b)) for b in epoch(1, 1)}


@pytest.mark.parametrize("lengths", [[5], [7] * 40, [500, 1, 1], []])
def test_odd_lengths(lengths: list[int]) -> None:
    found = list(TokenBudgetBatches(lengths, 8, seed=0))
    assert sorted(i for b in found for i in b) == list(range(len(lengths)))
    assert sorted(i for b in by_length(lengths, 8) for i in b) == list(range(len(lengths)))


def test_measuring_begins_with_the_longest() -> None:
    batches = by_length(LENGTHS, 16)
    longest = [max(LENGTHS[i] for i in b) for b in batches]
    assert longest == sorted(longest, reverse=True)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_every_batch_of_one_that_trains_alone(processes: int) -> None:
    pytest.importorskip("torch")
    from accelerate.data_loader import BatchSamplerShard

    def batches(size: int, shares: int) -> TokenBudgetBatches:
        made = TokenBudgetBatches(LENGTHS, size, seed=3, shares=shares)
        made.set_epoch(2)
        return made

    alone = list(batches(8 * processes, 1))
    shards = [
        BatchSamplerShard(batches(8, processes), processes, rank, even_batches=False)
        for rank in range(processes)
    ]
    parts = [list(shard) for shard in shards]
    assert [len(shard) for shard in shards] == [len(alone)] * processes
    assert [len(part) for part in parts] == [len(alone)] * processes
    for whole, *split in zip(alone, *parts, strict=True):
        assert {i for part in split for i in part} == set(whole)
        assert sum(len(part) for part in split) == max(len(whole), processes)
        sizes = [len(part) for part in split]
        assert max(sizes) - min(sizes) <= 1


def test_rows_are_repeated_only_where_a_batch_has_fewer_than_there_are_processes() -> None:
    batches = list(TokenBudgetBatches([7, 7, 7, 7, 7], 2, seed=0, shares=4))
    assert len(batches) == 4
    assert [len(batch) for batch in batches] == [2, 1, 1, 1]
    few = list(TokenBudgetBatches([7, 9], 2, seed=0, shares=4))
    assert sorted(i for batch in few for i in batch) == [0, 0, 1, 1]
    assert [len(batch) for batch in few] == [1, 1, 1, 1]
