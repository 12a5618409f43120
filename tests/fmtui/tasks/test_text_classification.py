"""Columns are guessed from names and contents; faults are found row by row."""

from __future__ import annotations

import pytest

from fmtui.data.reader import Table
from fmtui.errors import BadInputError
from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns

TASK = get_task("text-classification")


def table(columns: str, *rows: tuple[object, ...]) -> Table:
    return Table("d.csv", tuple(columns.split()), list(rows), list(range(1, len(rows) + 1)))  # type: ignore[arg-type]


SENTENCES = [(f"this is row {i}", ("yes", "no")[i % 2]) for i in range(20)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("text category", {"text": "text", "label": "category"}),
        ("sentence label", {"text": "sentence", "label": "label"}),
        ("Message Intent", {"text": "Message", "label": "Intent"}),
        ("a b", {"text": "a", "label": "b"}),
    ],
)
def test_columns_are_guessed(columns: str, expected: dict[str, str]) -> None:
    assert choose_columns(TASK, table(columns, *SENTENCES), {}) == expected


def test_what_is_given_wins() -> None:
    rows = [("hello you", "x y", "l") for _ in range(9)]
    chosen = choose_columns(TASK, table("text body kind", *rows), {"text": "body", "label": "kind"})
    assert chosen == {"text": "body", "label": "kind"}


def test_a_missing_label_column_is_no_guesswork() -> None:
    rows = [(f"this is row {i}", str(i)) for i in range(20)]
    with pytest.raises(BadInputError) as caught:
        choose_columns(TASK, table("text id", *rows), {})
    assert "no column for the role label" in str(caught.value)
    assert "--columns label=COLUMN" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"label": "nope"}, "no column `nope`"), ({"lable": "b"}, "no column role `lable`")],
)
def test_a_wrong_choice_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        choose_columns(TASK, table("a b", *SENTENCES), given)


def test_faults_have_their_rows() -> None:
    rows = [("one", "a"), ("", "b"), ("three", None), ("four", ["b"]), (5, "a"), ("six", "b")]
    found = TASK.examples(table("text label", *rows), {"text": "text", "label": "label"})
    assert [(f.row, f.column) for f in found.errors] == [
        (2, "text"),
        (3, "label"),
        (4, "label"),
        (5, "text"),
    ]
    assert found.numbers == [1, 6]


def test_one_label_alone_can_not_be_learnt() -> None:
    found = TASK.examples(
        table("text label", ("one", "a"), ("two", "a")), {"text": "text", "label": "label"}
    )
    assert "all rows have the label `a`" in found.errors[0].message


def test_contradictions_and_repeats_are_warned_of() -> None:
    rows = [("same", "a"), ("same", "b"), ("same", "a")]
    found = TASK.examples(table("text label", *rows), {"text": "text", "label": "label"})
    messages = [str(w) for w in found.warnings]
    assert any("row 2" in m and "the same text as row 1 with another label" in m for m in messages)
    assert any("1 rows repeat" in m for m in messages)
