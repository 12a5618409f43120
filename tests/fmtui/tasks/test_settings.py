"""Settings are typed and checked before anything starts."""

from __future__ import annotations

import pytest

from fmtui.errors import UsageError
from fmtui.tasks.settings import resolve


def test_the_rate_suits_the_model() -> None:
    small = resolve({}, parameters=22_700_000, metric="f1_macro")
    large = resolve({}, parameters=355_000_000, metric="f1_macro")
    assert small["learning_rate"] > 10 * large["learning_rate"]
    assert small["metric_for_best_model"] == "f1_macro"


def test_what_is_given_is_typed() -> None:
    values = resolve(
        {"num_train_epochs": "2", "max_steps": "7", "enable_full_determinism": "true"},
        parameters=None,
        metric="loss",
    )
    assert values["num_train_epochs"] == 2.0
    assert values["max_steps"] == 7
    assert values["enable_full_determinism"] is True


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rat", "1e-4", "Nearest: learning_rate"),
        ("learning_rate", "fast", "expected a number"),
        ("learning_rate", "nan", "expected a number"),
        ("learning_rate", "-1", "from"),
        ("max_steps", "1.5", "expected a whole number"),
        ("lr_scheduler_type", "up", "one of linear"),
        ("enable_full_determinism", "maybe", "true or false"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        resolve({name: value}, parameters=None, metric="loss")
