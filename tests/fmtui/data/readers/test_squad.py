"""SQuAD's tree becomes a row a question, with its place in the tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fmtui.data.reader import read_table
from fmtui.errors import BadInputError


def tree(*questions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An article with one paragraph."""
    return {
        "title": "T",
        "paragraphs": [{"context": "Ada wrote it.", "qas": list(questions)}],
    } | more


def question(number: int, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    listed = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": f"q{number}", "question": "Who?", "answers": listed} | more


def write(tmp_path: Path, *articles: dict[str, Any]) -> Path:
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"version": "v2.0", "data": list(articles)}))
    return path


def test_a_question_is_a_row(tmp_path: Path) -> None:
    impossible = question(2, is_impossible=True, plausible_answers=[{"text": "Ada"}])
    table = read_table(write(tmp_path, tree(question(1, ("Ada", 0))), tree(impossible)))
    assert table.columns == ("id", "title", "context", "question", "answers")
    assert table.rows == [
        ("q1", "T", "Ada wrote it.", "Who?", {"text": ["Ada"], "answer_start": [0]}),
        ("q2", "T", "Ada wrote it.", "Who?", {"text": [], "answer_start": []}),
    ]
    assert table.places is not None
    assert table.places[1] == "article 2, paragraph 1, question 1"


@pytest.mark.parametrize(
    ("article", "column", "words"),
    [
        ({"title": "T"}, "paragraphs", "article 2 has no `paragraphs`"),
        ({"paragraphs": [{"qas": []}]}, "context", "article 2, paragraph 1 has no `context`"),
        ({"paragraphs": [{"context": "c", "qas": 5}]}, "qas", "`qas` of article 2, paragraph 1"),
        (tree({"id": "q"}), "question", "article 2, paragraph 1, question 1 has no `question`"),
        (tree({"question": "Who?"}), "answers", "question 1 has no `answers`"),
        (tree({"question": 5, "answers": []}), "question", "is not a text"),
        (
            tree({"question": "Who?", "answers": [{"text": "Ada", "answer_start": "0"}]}),
            "answers",
            "`answer_start` of article 2, paragraph 1, question 1, answer 1 is not a whole number",
        ),
        (5, None, "article 2 is no JSON object"),
    ],
)
def test_a_fault_names_article_paragraph_and_question(
    tmp_path: Path, article: Any, column: str | None, words: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        read_table(write(tmp_path, tree(question(1, ("Ada", 0))), article))
    assert words in str(caught.value)
    assert (caught.value.row, caught.value.column) == (2, column)
