"""Columns are guessed from names and contents; faults are found row by row."""

from __future__ import annotations

import pytest

from fmtui.errors import BadInputError
from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from tests.fmtui.tasks.tables import faults, read, table

TASK = get_task("text-classification")


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


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("label", [["a", "b"], ["b"], [], ["c", "a", "a"]]),
        ("label", ["['a', 'b']", "['b']", "[]", "['c' 'a' 'a']"]),
        ("label", ['["a", "b"]', '["b"]', "[]", '["c", "a", "a"]']),
    ],
)
def test_lists_are_many_labels_a_row(column: str, values: list[object]) -> None:
    found = read("text-classification", table(f"text {column}", *((f"t{v}", v) for v in values)))
    assert [r["label"] for r in found.records] == [["a", "b"], ["b"], [], ["c", "a"]]
    assert dict(found.labels) == {"a": 2, "b": 2, "c": 1}


def test_many_labels_in_a_text_are_told_by_the_role() -> None:
    rows = [("one", "a|b"), ("two", "c; a"), ("three", ""), ("four", "b")]
    found = read("text-classification", table("text tags", *rows), labels="tags")
    assert [r["label"] for r in found.records] == [["a", "b"], ["c", "a"], [], ["b"]]


def test_a_pair_of_texts_is_read() -> None:
    rows = [("a man", "a person", "yes"), ("a man", "a dog", "no"), ("a cat", "", "no")]
    found = read("text-classification", table("premise hypothesis label", *rows))
    assert found.records[0] == {"text": "a man", "text_pair": "a person", "label": "yes"}
    assert faults(found) == [(3, "hypothesis", "the text pair is empty")]


def test_labels_of_different_kinds_are_told_by_what_most_are() -> None:
    rows = [("one", 1), ("two", 0), ("three", "1"), ("four", True), ("five", 1.0)]
    found = read("text-classification", table("text label", *rows))
    assert faults(found) == [
        (3, "label", "the label is a text, `1`; in other rows it is a number"),
        (4, "label", "the label is a truth value, `True`; in other rows it is a number"),
    ]
    assert [r["label"] for r in found.records] == ["1", "0", "1"]


def test_one_list_among_lists_that_is_none_has_its_row() -> None:
    rows = [("one", ["a"]), ("two", "b"), ("three", None), ("four", [["a"]]), ("five", ["b", ""])]
    found = read("text-classification", table("text label", *rows))
    assert faults(found) == [
        (2, "label", "the labels are a text, in other rows a JSON list"),
        (3, "label", "the labels are empty"),
        (4, "label", "one of the labels is a JSON list"),
        (5, "label", "one of the labels is empty"),
    ]
