"""Intervals and tests: of the right rows, as wide as they should be, the same for the same seed."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from fmtui.metrics import bootstrap, calibration, measure, parts_of
from fmtui.metrics.bootstrap import paired
from fmtui.metrics.parts import Found, Part, means
from fmtui.metrics.ranking import areas
from fmtui.metrics.shares import holm, mcnemar, wilson
from tests.fmtui.metrics.columns import (
    LABELS,
    Columns,
    answered,
    classified,
    many_labeled,
    tagged,
    written,
)

EVERY_TASK: list[tuple[str, Columns]] = [
    ("text-classification", classified(rows=60)),
    ("text-classification", many_labeled(rows=60)),
    ("token-classification", tagged(rows=40)),
    ("question-answering", answered(rows=40)),
    ("summarization", dict(zip(("summary", "prediction"), written(20), strict=True))),
    ("translation", dict(zip(("target", "prediction"), written(20), strict=True))),
    ("text-generation", {"nll": [1.0, 9.0, 2.0, None], "tokens": [3, 2, 1, 4]}),
]


@pytest.mark.parametrize(("task", "columns"), EVERY_TASK)
def test_a_resample_is_what_measuring_the_drawn_rows_gives(task: str, columns: Columns) -> None:
    parts = parts_of(task, columns, LABELS)
    rows = parts[0].rows.shape[0]
    drawn = bootstrap.resampled(parts, seed=7, resamples=3)
    generator = np.random.default_rng(7)
    (counts,) = bootstrap._weights(rows, 3, generator)
    for number, times in enumerate(counts.astype(int)):
        chosen = np.repeat(np.arange(rows), times)
        again = {name: [values[i] for i in chosen] for name, values in columns.items()}
        expected = measure(task, again, LABELS, resamples=0).metrics
        for values in drawn:
            for name, of_name in values.items():
                if name in expected:
                    assert of_name[number] == pytest.approx(expected[name]), name


def test_the_same_seed_gives_the_same_intervals() -> None:
    columns = classified()
    one, two = (measure("text-classification", columns, LABELS, resamples=200) for _ in "ab")
    assert one == two
    other = measure("text-classification", columns, LABELS, resamples=200, seed=1)
    assert other.intervals["f1_macro"] != one.intervals["f1_macro"]
    assert other.metrics == one.metrics
    for name, (low, high) in one.intervals.items():
        assert low <= one.metrics[name] <= high and low < high, name
    assert one.intervals.keys() == one.metrics.keys()


def test_shares_keep_their_width_where_all_is_right() -> None:
    columns = {"label": ["a", "b"] * 10, "prediction": ["a", "b"] * 10}
    found = measure("text-classification", columns, ["a", "b"])
    assert found.intervals == {"accuracy": wilson(20, 20), "f1_micro": wilson(20, 20)}, (
        "nothing was ever wrong: resampling can't tell how sure the others are"
    )
    answers = measure("question-answering", {"answers": [["a b"]] * 9, "prediction": ["a b"] * 9})
    low, high = wilson(9, 9)
    assert answers.intervals == {"exact": (100 * low, 100 * high)}


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(300):
        part = means(["mean"], rng.exponential(2.0, (60, 1)))
        (values,) = bootstrap.resampled([part], seed=seed, resamples=400)
        low, high = bootstrap._percentiles(values["mean"], part.values()["mean"]) or (0, 0)
        held += low <= 2.0 <= high
    assert 0.90 <= held / 300 <= 0.98


@pytest.mark.parametrize("power", [1.0, 1.3, 1.6, 3.0])
def test_the_interval_of_a_biased_figure_holds_it_and_the_truth(power: float) -> None:
    """The error of calibration, of models that are as sure as they should be and surer."""
    rng = np.random.default_rng(7)

    def drawn(rows: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = rng.uniform(0.4, 1.0, rows)
        return confidence, (rng.random(rows) < confidence**power).astype(float)

    (whole,) = calibration.error(*drawn(1_000_000))
    truth = 0.0 if power == 1.0 else whole.values()["ece"]
    held = 0
    for seed in range(150):
        found = Found(calibration.error(*drawn(300)))
        low, high = bootstrap.intervals(found, seed=seed, resamples=300)["ece"]
        assert 0 <= low <= found.parts[0].values()["ece"] <= high
        held += low <= truth <= high
    assert held / 150 >= 0.90


def test_many_rows_cost_no_more_and_are_as_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = classified(rows=4000, seed=5)
    whole = measure("text-classification", columns, LABELS, resamples=1500).intervals
    monkeypatch.setattr(bootstrap, "UNITS", 500)
    dealt = measure("text-classification", columns, LABELS, resamples=1500).intervals
    for name in ("f1_macro", "loss", "mcc"):
        wide, narrow = (b - a for a, b in (whole[name], dealt[name]))
        assert narrow == pytest.approx(wide, rel=0.15), name


def test_the_interval_of_auc_is_that_of_resampling() -> None:
    from sklearn.metrics import roc_auc_score

    columns = classified(rows=250, labels=3, right=0.4)
    scores = np.array(columns["scores"])
    true = np.array([LABELS.index(label) for label in columns["label"]])
    value, interval = areas(scores, true[:, None] == np.arange(3))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        at = rng.integers(0, 250, 250)
        drawn.append(roc_auc_score(true[at], scores[at], multi_class="ovr"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert interval["auc"] == pytest.approx((low, high), abs=0.02)
    assert value["auc"] == pytest.approx(roc_auc_score(true, scores, multi_class="ovr"))


def test_two_models_that_are_the_same_do_not_differ() -> None:
    (part, *_) = parts_of("token-classification", tagged())
    found = paired(part, part, "f1")
    assert (found.difference, found.p) == (0.0, 1.0)


@pytest.mark.parametrize("keep", [0.6, 0.66, 0.74])
def test_the_paired_test_agrees_with_sacrebleu_s_randomization(keep: float) -> None:
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    references, one = written(150, seed=1, keep=0.6)
    other = [
        " ".join(
            w if random.Random(f"{i} {at} {keep}").random() < keep else "is"
            for at, w in enumerate(r.split())
        )
        for i, r in enumerate(references)
    ]
    systems = [("one", one), ("other", other)]
    test = PairedTest(systems, {"BLEU": BLEU()}, [references], "ar", 1000)
    its = test()[1]["BLEU"][1].p_value
    a, b = (
        parts_of("translation", {"target": references, "prediction": h})[0] for h in (one, other)
    )
    assert paired(a, b, "sacrebleu").p == pytest.approx(its, abs=0.06)


def _scored(rng: np.random.Generator, shift: float) -> tuple[Part, Part]:
    hard = rng.normal(size=(120, 1))
    one, two = (hard + 0.5 * rng.normal(size=(120, 1)) for _ in "ab")
    return means(["score"], one), means(["score"], two + shift)


def test_chance_is_taken_for_a_difference_as_rarely_as_it_should() -> None:
    rng = np.random.default_rng(3)
    real = [paired(*_scored(rng, 0.0), "score", resamples=300).p < 0.05 for _ in range(300)]
    assert sum(real) / 300 <= 0.09
    found = [paired(*_scored(rng, 0.3), "score", resamples=300) for _ in range(50)]
    assert sum(pair.p < 0.05 for pair in found) >= 45, "what all rows agree on is seen"
    assert all(pair.low <= pair.difference <= pair.high for pair in found)


def test_swapping_two_models_turns_the_difference_alone() -> None:
    one, two = _scored(np.random.default_rng(0), 0.1)
    there, back = paired(one, two, "score"), paired(two, one, "score")
    assert there.p == back.p and there.difference == -back.difference
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (3, 3), (2, 9), (8, 1), (10, 4)])
def test_mcnemar_is_the_share_of_coin_throws_at_least_as_uneven(a: int, b: int) -> None:
    throws = list(product((0, 1), repeat=a + b))
    uneven = sum(abs(sum(t) - len(t) / 2) >= abs(a - b) / 2 for t in throws)
    assert mcnemar(a, b) == pytest.approx(float(Fraction(uneven, len(throws))))


def test_many_rows_agree_with_the_normal_distribution() -> None:
    assert mcnemar(71, 50) == pytest.approx(0.0687, abs=5e-4)
    exact = 2 * sum(math.comb(1002, k) for k in range(456)) / 2**1002
    assert mcnemar(455, 547) == pytest.approx(exact, rel=0.02), "beyond where it is exact"


@pytest.mark.parametrize(("right", "rows"), [(0, 10), (9, 10), (2816, 3080), (50, 50)])
def test_wilson_s_bounds_solve_the_score_equation(right: int, rows: int) -> None:
    low, high = wilson(right, rows)
    share = right / rows
    assert low <= share <= high
    for bound in (low, high):
        if 0 < bound < 1:
            score = (share - bound) / math.sqrt(bound * (1 - bound) / rows)
            assert abs(score) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(
    ("p", "raised"),
    [
        ([0.03], [0.03]),
        ([0.01, 0.04], [0.02, 0.04]),
        ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([], []),
    ],
)
def test_several_tests_are_held_to_a_higher_bar(p: list[float], raised: list[Any]) -> None:
    assert holm(p) == pytest.approx(raised)
