"""SQuAD's tree of articles, paragraphs and questions, versions 1.1 and 2.0, as rows.

A row is a question, counted through the file; its place names article, paragraph and question.
"""

from __future__ import annotations

from typing import Any

from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError

COLUMNS = ("id", "title", "context", "question", "answers")


def is_squad(document: Any) -> bool:
    """Whether a JSON document is such a tree."""
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, list) and any(isinstance(a, dict) and "paragraphs" in a for a in data)


def read(document: dict[str, Any], name: str) -> Table:
    """One row a question; `answers` is {"text": [...], "answer_start": [...]}."""
    rows: list[tuple[Value, ...]] = []
    places: list[str] = []
    for a, article in enumerate(document["data"], 1):
        at = f"article {a}"
        paragraphs = _need(article, "paragraphs", list, at, name, len(rows) + 1)
        title = article.get("title")
        for p, paragraph in enumerate(paragraphs, 1):
            at = f"article {a}, paragraph {p}"
            context = _need(paragraph, "context", str, at, name, len(rows) + 1)
            for q, qa in enumerate(_need(paragraph, "qas", list, at, name, len(rows) + 1), 1):
                at = f"article {a}, paragraph {p}, question {q}"
                number = len(rows) + 1
                question = _need(qa, "question", str, at, name, number)
                answers = _answers(qa, at, name, number)
                rows.append((qa.get("id"), title, context, question, answers))
                places.append(at)
    return Table(name, COLUMNS, rows, list(range(1, len(rows) + 1)), places)


def _answers(qa: dict[str, Any], at: str, name: str, row: int) -> dict[str, object]:
    """The answers of a question. In 2.0 one without an answer has `is_impossible`; what it lists
    as plausible is none."""
    found: list[Any] = []
    if not qa.get("is_impossible"):
        found = _need(qa, "answers", list, at, name, row)
    texts: list[object] = []
    starts: list[object] = []
    for number, answer in enumerate(found, 1):
        place = f"{at}, answer {number}"
        texts.append(_need(answer, "text", str, place, name, row, column="answers"))
        starts.append(_need(answer, "answer_start", int, place, name, row, column="answers"))
    return {"text": texts, "answer_start": starts}


_WORDS = {list: "a list", str: "a text", int: "a whole number"}


def _need(
    parent: Any, key: str, kind: type, at: str, name: str, row: int, *, column: str | None = None
) -> Any:
    """What stands under `key`. Raises BadInputError with the place where it is absent."""
    if not isinstance(parent, dict):
        raise BadInputError(f"{at} is no JSON object", file=name, row=row, column=column)
    if key not in parent:
        raise BadInputError(f"{at} has no `{key}`", file=name, row=row, column=column or key)
    value = parent[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadInputError(
            f"`{key}` of {at} is not {_WORDS[kind]}", file=name, row=row, column=column or key
        )
    return value
