"""One figure stands for a run where there is room for one."""

from __future__ import annotations

import pytest

from fmtui.services.text import headline, result


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"accuracy": 0.9166, "f1_macro": 0.91, "loss": 0.3}, "acc 0.917"),
        ({"precision": 0.6, "recall": 0.5, "f1": 0.5423, "accuracy": 0.95}, "f1 0.542"),
        ({"exact": 33.6, "f1": 46.93, "loss": 4.2}, "f1 46.9"),
        ({"rouge1": 0.333, "rougeL": 0.3}, "R-1 0.333"),
        ({"sacrebleu": 21.84, "chrf": 50.1}, "BLEU 21.8"),
        ({"loss": 3.2, "perplexity": 24.53, "rouge1": 0.1}, "ppl 24.5"),
        ({"perplexity": 31_999.4}, "ppl 31,999"),
        ({"loss": 0.25}, "loss 0.250"),
        ({"of_my_own": 2.5}, "of_my_own 2.5"),
        ({}, ""),
    ],
)
def test_the_figure_is_the_one_that_the_field_reports(metrics: dict[str, float], told: str) -> None:
    assert result(metrics) == told


def test_none_stands_for_what_nobody_knows() -> None:
    assert headline({"of_my_own": 2.5}) is None
