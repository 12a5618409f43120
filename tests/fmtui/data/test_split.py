"""Splits are seeded, stratified and complete."""

from __future__ import annotations

from collections import Counter

import pytest

from fmtui.data.split import stratified

STRATA = ["a"] * 500 + ["b"] * 50 + ["c"] * 7 + ["d"]


def test_every_row_is_dealt_once() -> None:
    parts = stratified(STRATA, {"validation": 0.1, "test": 0.2}, seed=1)
    dealt = sorted(i for indices in parts.values() for i in indices)
    assert dealt == list(range(len(STRATA)))


def test_labels_keep_their_share_and_a_single_row_stays_in_training() -> None:
    parts = stratified(STRATA, {"validation": 0.1}, seed=1)
    counts = Counter(STRATA[i] for i in parts["validation"])
    assert counts["a"] == 50
    assert counts["b"] == 5
    assert counts["d"] == 0
    assert len(parts["validation"]) == pytest.approx(0.1 * len(STRATA), abs=1)


def test_many_small_labels_still_give_a_validation_part() -> None:
    strata = [str(i // 3) for i in range(300)]
    parts = stratified(strata, {"validation": 0.1}, seed=3)
    assert len(parts["validation"]) == 30
    assert set(strata) == {strata[i] for i in parts["train"]}


def test_the_seed_decides() -> None:
    first = stratified(STRATA, {"validation": 0.1}, seed=1)
    assert first == stratified(STRATA, {"validation": 0.1}, seed=1)
    assert first != stratified(STRATA, {"validation": 0.1}, seed=2)
