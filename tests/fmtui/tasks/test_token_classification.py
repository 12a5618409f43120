"""Tokens and their tags, however they are written; every scheme becomes BIO."""

from __future__ import annotations

from typing import Any

import pytest

from fmtui.tasks import bio, get_task
from tests.fmtui.tasks.tables import faults, read, table

TASK = "token-classification"
GOOD = (["Ada", "is", "here"], ["B-person", "O", "O"])


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        ("Ada is here", "B-person O O"),
        ("['Ada', 'is', 'here']", "['B-person', 'O', 'O']"),
        ("['Ada' 'is'\n 'here']", "['B-person' 'O' 'O']"),
        ('["Ada", "is", "here"]', '["B-person", "O", "O"]'),
    ],
)
@pytest.mark.parametrize("columns", ["tokens ner_tags", "words labels", "Sentence Tags"])
def test_lists_are_read_however_they_are_written(columns: str, row: tuple[Any, Any]) -> None:
    found = read(TASK, table(columns, row))
    assert found.records == [{"tokens": GOOD[0], "tags": GOOD[1]}]
    assert dict(found.labels) == {"O": 2, "B-person": 1}


@pytest.mark.parametrize(
    ("tags", "expected", "note"),
    [
        ("B-a I-a O B-a", "B-a I-a O B-a", None),
        ("I-a I-a O I-a B-a", "B-a I-a O B-a B-a", "IOB1"),
        ("I-a I-b O I-b", "B-a B-b O B-b", "IOB1"),
        ("B-a E-a O S-b B-b I-b E-b", "B-a I-a O B-b B-b I-b I-b", "BIOES"),
        ("B-a L-a O U-b B-b I-b L-b", "B-a I-a O B-b B-b I-b I-b", "BIOES"),
        ("NOUN VERB O", "NOUN VERB O", "no B- and I-"),
    ],
)
def test_every_scheme_becomes_bio(tags: str, expected: str, note: str | None) -> None:
    tokens = "t " * len(tags.split())
    found = read(
        TASK, table("tokens tags", (tokens, tags), (*GOOD,) if note is None else (tokens, tags))
    )
    assert not found.errors
    assert found.records[0]["tags"] == expected.split()
    assert [w.message for w in found.warnings if note and note in w.message] or note is None


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ((["a", "b"], ["O"]), "tags", "2 tokens have 1 tags"),
        (([], []), "tokens", "the tokens are empty"),
        ((None, ["O"]), "tokens", "the tokens are empty"),
        ((["a", ""], ["O", "O"]), "tokens", "token 2 is empty"),
        ((["a", 5], ["O", "O"]), "tokens", "token 2 is a number"),
        ((["a", None], ["O", "O"]), "tokens", "token 2 is empty"),
        (({"a": 1}, ["O"]), "tokens", "the tokens are a JSON object, not a list"),
        (
            (["a", "b"], [0, 3]),
            "tags",
            "the tags are numbers, [0, 3]: write their names, or bring the names as ClassLabel",
        ),
        (
            (["a", "b"], ["O", "I-person"]),
            "tags",
            "tag 2, `I-person` of `b`, follows `O`: a span begins with `B-person`",
        ),
        (
            (["a", "b"], ["B-place", "I-person"]),
            "tags",
            "tag 2, `I-person` of `b`, follows `B-place`: a span begins with `B-person`",
        ),
        (
            (["a"], ["I-person"]),
            "tags",
            "tag 1, `I-person` of `a`, is the first: a span begins with `B-person`",
        ),
        ((["a"], ["person"]), "tags", "the tag `person` has no B- or I-"),
    ],
)
def test_a_fault_has_its_row_and_column(row: tuple[Any, Any], column: str, message: str) -> None:
    found = read(TASK, table("tokens tags", GOOD, row, GOOD))
    assert faults(found)[0] == (2, column, message)
    assert found.numbers == [1, 3]


def test_numbers_written_as_text_are_no_tags_either() -> None:
    found = read(TASK, table("tokens tags", ("a b", "0 1")))
    assert "the tags are numbers" in found.errors[0].message


def test_nothing_to_learn_is_a_fault() -> None:
    assert "all tags are `O`" in read(TASK, table("tokens tags", ("a b", "O O"))).errors[0].message


def test_what_was_not_begun_is_begun_by_repair() -> None:
    made = table("id tokens tags", ("1", *GOOD), ("2", ["a", "b"], ["O", "I-place"]))
    task = get_task(TASK)
    mended, done = task.repair(made, {"tokens": "tokens", "tags": "tags"})
    assert mended.rows[0] == made.rows[0]
    assert mended.rows[1] == ("2", ["a", "b"], ["O", "B-place"])
    assert [f.row for f in done] == [2]
    assert not read(TASK, mended).errors


def test_a_stratum_is_what_a_sentence_names() -> None:
    task = get_task(TASK)
    assert task.stratum({"tags": ["B-b", "I-b", "O", "B-a"]}) == "a+b"
    assert task.stratum({"tags": ["O"]}) == ""


def test_seqeval_finds_the_same_spans_after_conversion() -> None:
    """BIO made of BIOES has the entities that seqeval reads from BIOES itself."""
    from seqeval.metrics.sequence_labeling import get_entities

    tags = ["B-a", "E-a", "O", "S-b", "B-b", "I-b", "E-b", "S-a", "S-a", "O", "B-c", "E-c"]
    assert get_entities(bio.to_bio(tags, bio.scheme_of([tags]))) == get_entities(tags)
