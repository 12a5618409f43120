"""Answers in SQuAD's form or flat; one that misses its context is told with what stands there."""

from __future__ import annotations

from typing import Any

import pytest

from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from tests.fmtui.tasks.tables import faults, read, table

TASK = "question-answering"
CONTEXT = "Ada wrote notes. Ada liked them."


def squad(text: Any, start: Any) -> dict[str, Any]:
    return {"text": text, "answer_start": start}


@pytest.mark.parametrize(
    "answers",
    [
        squad(["Ada"], [17]),
        squad("Ada", 17),
        [{"text": "Ada", "answer_start": 17}],
        '{"text": ["Ada"], "answer_start": [17]}',
        "{'text': ['Ada'], 'answer_start': [17]}",
        "{'text': array(['Ada'], dtype=object), 'answer_start': array([17], dtype=int32)}",
        """[{'text': "Ada", 'answer_start': 17}]""",
    ],
)
def test_squad_s_answers_are_read(answers: Any) -> None:
    found = read(TASK, table("id question context answers", ("q", "Who?", CONTEXT, answers)))
    assert found.records == [
        {"id": "q", "question": "Who?", "context": CONTEXT, "answers": ["Ada"], "starts": [17]}
    ]


def test_flat_answers_are_read() -> None:
    rows = [
        ("Who?", CONTEXT, "Ada", 17),
        ("Who?", CONTEXT, "Ada", "0"),
        ("Who?", CONTEXT, None, None),
    ]
    found = read(TASK, table("question context answer_text answer_start", *rows))
    assert [(r["answers"], r["starts"]) for r in found.records] == [
        (["Ada"], [17]),
        (["Ada"], [0]),
        ([], []),
    ]
    assert [r["id"] for r in found.records] == ["1", "2", "3"]


def test_an_answer_without_its_place_is_found() -> None:
    rows = [("Who?", CONTEXT, "notes"), ("Who?", CONTEXT, "Bob")]
    found = read(TASK, table("question context answer", *rows))
    assert found.records[0]["starts"] == [10]
    assert faults(found) == [(2, "answer", "the answer `Bob` does not occur in its context")]


def test_the_context_keeps_its_first_spaces() -> None:
    row = ("Who?", f"\n {CONTEXT}", squad(["Ada"], [2]))
    found = read(TASK, table("question context answers", row))
    assert found.records[0]["context"].startswith("\n A")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            squad(["Ada"], [16]),
            "the answer `Ada` does not stand at 16: `Ad` does; it occurs at 17",
        ),
        (
            squad(["Ada"], [900]),
            "the answer `Ada` does not stand at 900: the context has 32 characters; "
            "it occurs at 17",
        ),
        (
            squad(["Bob"], [0]),
            "the answer `Bob` does not stand at 0: `Ada` does; it does not occur at all",
        ),
        (
            squad(["Ada"], [-3]),
            "the answer `Ada` does not stand at -3: the context has 32 characters; it occurs at 0",
        ),
        (squad(["Ada", "notes"], [0]), "2 answers have 1 starts"),
        (squad(["Ada"], ["x"]), "the start of `Ada` is a text, not a whole number"),
        (squad(["Ada"], [True]), "the start of `Ada` is a truth value, not a whole number"),
        (squad([5], [0]), "an answer is a number, not a text"),
        (squad([" "], [0]), "an answer is empty"),
        ({"start": [0]}, "the answers have no `text`"),
        (7, "an answer is a number, not a text"),
        ("{'text': ['Ada'", "the answer `{'text': ['Ada'` does not occur in its context"),
        ("{'text': ['Ada'}", "the answer `{'text': ['Ada'}` does not occur in its context"),
        pytest.param(
            "[" * 50_000 + "]",
            f"the answer `{'[' * 40}…` does not occur in its context",
            id="nested too deep",
        ),
    ],
)
def test_a_fault_says_what_stands_there(answers: Any, message: str) -> None:
    rows = [("Who?", CONTEXT, squad(["Ada"], [0])), ("Who?", CONTEXT, answers)]
    found = read(TASK, table("question context answers", *rows))
    assert faults(found) == [(2, "answers", message)]


def test_empty_questions_and_contexts_have_their_rows() -> None:
    rows = [("", CONTEXT, squad([], [])), ("Who?", " ", squad([], [])), ("Who?", None, None)]
    found = read(TASK, table("question context answers", *rows))
    assert faults(found) == [
        (1, "question", "the question is empty"),
        (2, "context", "the context is empty"),
        (3, "context", "the context is empty"),
    ]


def test_repair_moves_an_answer_to_the_nearest_place() -> None:
    made = table(
        "question context answers",
        ("Who?", CONTEXT, squad(["Ada"], [16])),
        ("Who?", CONTEXT, squad(["Ada"], [3])),
        ("Who?", CONTEXT, squad(["Bob"], [3])),
        ("Who?", CONTEXT, squad(["Ada"], [0])),
    )
    task = get_task(TASK)
    mended, done = task.repair(made, choose_columns(task, made, {}))
    assert [row[2]["answer_start"] for row in mended.rows] == [[17], [0], [3], [0]]  # type: ignore[call-overload, index]
    assert [f.row for f in done] == [1, 2]
    assert [f.row for f in read(TASK, mended).errors] == [3]


def test_what_has_no_answer_or_a_used_id_is_told() -> None:
    rows = [("a", "Who?", CONTEXT, squad([], [])), ("a", "Who?", CONTEXT, squad(["Ada"], [0]))]
    found = read(TASK, table("id question context answers", *rows))
    assert [w.message for w in found.warnings] == [
        "1 questions have the id of an earlier one",
        "1 of 2 questions have no answer",
    ]
    assert found.records[0]["answers"] == []


def test_articles_stay_together_and_contexts_where_there_are_few() -> None:
    task = get_task(TASK)
    many = [{"title": f"t{i // 2}", "context": f"c{i}"} for i in range(40)]
    few = [{"title": "t", "context": f"c{i // 2}"} for i in range(40)]
    assert task.groups(many) == [f"t{i // 2}" for i in range(40)]
    assert task.groups(few) == [f"c{i // 2}" for i in range(40)]
