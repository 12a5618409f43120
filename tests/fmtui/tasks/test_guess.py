"""Which task a table is made for is told by its columns."""

from __future__ import annotations

from typing import Any

import pytest

from fmtui.errors import BadInputError
from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from fmtui.tasks.guess import guess_task
from tests.fmtui.tasks.tables import table

SENTENCE = "a sentence with some words"
CHAT = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hi!"}]


@pytest.mark.parametrize(
    ("columns", "row", "task"),
    [
        ("text label", (SENTENCE, "a"), "text-classification"),
        ("text labels", (SENTENCE, ["a", "b"]), "text-classification"),
        ("sentence1 sentence2 label", (SENTENCE, SENTENCE, 1), "text-classification"),
        ("tokens ner_tags", (["a", "b"], ["O", "B-x"]), "token-classification"),
        ("text label", ("a b c", "O O B-x"), "token-classification"),
        ("id context question answers", ("1", "c", "q", {"text": []}), "question-answering"),
        ("question answer", (SENTENCE, SENTENCE), "text-generation"),
        ("en de", (SENTENCE, SENTENCE), "translation"),
        ("translation", ({"en": "a", "ro": "b"},), "translation"),
        ("source target", (SENTENCE, SENTENCE), "translation"),
        ("source target", ([SENTENCE] * 9, ["short words"]), "summarization"),
        ("article highlights", (SENTENCE * 9, SENTENCE), "summarization"),
        ("messages", (CHAT,), "text-generation"),
        ("text", (SENTENCE,), "text-generation"),
        ("instruction input output", (SENTENCE, "", SENTENCE), "text-generation"),
        ("a b c", ("x", "y", "z"), "text-classification"),
    ],
)
def test_the_columns_tell_the_task(columns: str, row: tuple[Any, ...], task: str) -> None:
    rows = [tuple(f"{c} {i}" if c == SENTENCE else c for c in row) for i in range(60)]
    assert guess_task(table(columns, *rows), {}).name == task


@pytest.mark.parametrize(
    "columns", ["instruction input output", "instruction response", "prompt completion"]
)
def test_a_few_short_answers_to_instructions_are_no_labels(columns: str) -> None:
    rows = [(f"{SENTENCE} {i}", *["yes"] * columns.count(" ")) for i in range(3)]
    assert guess_task(table(columns, *rows), {}).name == "text-generation"
    label = columns.split()[-1]
    text = columns.split()[0]
    assert guess_task(table(columns, *rows), {"text": text, "label": label}).name == (
        "text-classification"
    )


def test_roles_that_a_person_set_narrow_the_choice() -> None:
    made = table("a b", *((f"{SENTENCE} {i}", f"{SENTENCE} {i}") for i in range(60)))
    assert guess_task(made, {"source": "a", "target": "b"}).name == "translation"
    assert guess_task(made, {"prompt": "a", "text": "b"}).name == "text-generation"


def test_the_samples_of_azure_have_a_prompt_called_text_and_its_answer_ground_truth() -> None:
    made = table("text ground_truth", *((f"{SENTENCE} {i}", f"{SENTENCE} {i}") for i in range(60)))
    task = guess_task(made, {})
    assert task.name == "text-generation"
    assert task.guess_columns(made) == {"prompt": "text", "text": "ground_truth"}


def test_tags_are_read_from_the_column_with_their_names() -> None:
    rows = ((["a", "b"], [0, 1], ["O", "B-x"]),) * 60
    made = table("tokens ner_tags ner_tags_str", *rows)
    task = guess_task(made, {})
    assert task.guess_columns(made) == {"tokens": "tokens", "tags": "ner_tags_str"}
    assert (
        task.guess_columns(table("tokens ner_tags", *(r[:2] for r in rows)))["tags"] == "ner_tags"
    )


def test_thousands_of_columns_are_not_listed_one_by_one() -> None:
    wide = table(" ".join(f"c{i}" for i in range(5000)), ("a",) * 5000)
    with pytest.raises(BadInputError) as caught:
        choose_columns(get_task("translation"), wide, {})
    assert "`c29` and 4,970 more" in str(caught.value)
