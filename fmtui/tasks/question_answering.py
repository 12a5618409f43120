"""Question answering: the span of a context that answers a question, or that none does."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks.base import Examples, Record, Role, Task, Text
from fmtui.tasks.cells import as_list, as_value, is_empty, kind_of
from fmtui.tasks.rows import Cells, Faults, read_rows

ID = Role("id", ("id", "qid", "question_id", "uuid"), required=False)
TITLE = Role("title", ("title", "article", "document_title"), required=False)
CONTEXT = Role("context", ("context", "passage", "paragraph", "document", "text"))
QUESTION = Role("question", ("question", "query"))
ANSWERS = Role("answers", ("answers",), unless=("answer_text",))
ANSWER_TEXT = Role("answer_text", ("answer_text", "answer", "answers_text"), required=False)
ANSWER_START = Role(
    "answer_start", ("answer_start", "answers_start", "start"), required=False, unless=("answers",)
)

_SHOWN = 40

_FEW = 10
"""Articles that a split can't share out well."""

MISPLACED = "an answer stands elsewhere (--repair moves it)"
ABSENT = "an answer does not occur in its context"

Spans = list[tuple[str, int | None]]
"""Answers with the characters where they begin; None where the data does not say."""


class QuestionAnswering(Task):
    name = "question-answering"
    roles = (ID, TITLE, CONTEXT, QUESTION, ANSWERS, ANSWER_TEXT, ANSWER_START)
    metrics = ("f1", "exact", "loss")
    label_role = None
    heads = ("ForQuestionAnswering",)
    learnt_by = "QUESTION_ANSWERING"
    one_answer = True
    windows = True

    def guess_columns(self, table: Table) -> dict[str, str]:
        found = super().guess_columns(table)
        if "answers" in found:
            found = {r: c for r, c in found.items() if r not in ("answer_text", "answer_start")}
        return found

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        records, numbers, errors = read_rows(table, columns, _record)
        return Examples(records, numbers, errors, _notes(table, columns, records, numbers), [])

    def texts(self, record: Record) -> dict[str, Text]:
        return {"question and context": (record["question"], record["context"])}

    def input_of(self, record: Record) -> str:
        return f"{record['question']}\n{record['context']}"

    def answer_of(self, record: Record) -> Hashable:
        return frozenset(record.get("answers", ()))

    def groups(self, records: Sequence[Record]) -> list[str] | None:
        """Articles where there are many, else contexts: no context is in two parts of a split."""
        titles = [str(record.get("title") or "") for record in records]
        if all(titles) and len(set(titles)) >= _FEW:
            return titles
        return [str(record.get("context") or "") for record in records]

    def repair(self, table: Table, columns: Mapping[str, str]) -> tuple[Table, list[Finding]]:
        """A span that does not match moves to the nearest place where its text does occur."""
        if "answers" not in columns or columns["answers"] not in table.columns:
            return table, []
        column = table.columns.index(columns["answers"])
        rows, done = list(table.rows), []
        contexts = table.column(columns["context"])
        for index, (row, context) in enumerate(zip(table.rows, contexts, strict=True)):
            value = row[column]
            if not isinstance(value, dict) or not isinstance(context, str):
                continue
            texts, starts = value.get("text"), value.get("answer_start")
            if not isinstance(texts, list) or not isinstance(starts, list):
                continue
            moved = [_moved(context, t, s) for t, s in zip(texts, starts, strict=False)]
            if moved != starts and len(texts) == len(starts):
                new: dict[str, object] = {**value, "answer_start": moved}
                rows[index] = (*row[:column], new, *row[column + 1 :])
                message = f"the answer moved from {starts} to {moved}"
                number = table.numbers[index]
                done.append(
                    Finding(message, table.file, number, columns["answers"], kind="answers moved")
                )
        return replace(table, rows=rows), done


TASK = QuestionAnswering()


def _record(cells: Cells, faults: Faults) -> dict[str, Any]:
    context = cells["context"]
    if not isinstance(context, str) or not context.strip():
        faults.text("context", context)
        return {}
    question = faults.text("question", cells["question"])
    # The context stays as it is: answers count its characters from the first on.
    record: dict[str, Any] = {
        "id": _word(cells.get("id")) or str(faults.number),
        "question": question,
        "context": context,
    }
    if "title" in cells:
        record["title"] = _word(cells["title"])
    spans = _spans(cells, faults)
    if spans is None:
        return record
    role = "answers" if "answers" in cells else "answer_text"
    starts = []
    for text, start in spans:
        place = context.find(text) if start is None else start
        if context[place : place + len(text)] != text or place < 0:
            _refuse(role, context, text, place, faults)
        starts.append(place)
    return record | {"answers": [text for text, _ in spans], "starts": starts}


def _refuse(role: str, context: str, text: str, start: int, faults: Faults) -> None:
    """A span that does not match: what stands there instead, and where the text does occur."""
    if start < 0 and text not in context:
        faults.add(role, f"the answer `{_short(text)}` does not occur in its context", kind=ABSENT)
        return
    there = context[start : start + len(text)] if 0 <= start < len(context) else ""
    stands = f"`{_short(there)}` does" if there else f"the context has {len(context):,} characters"
    message = f"the answer `{_short(text)}` does not stand at {start:,}: {stands}"
    nearest = _moved(context, text, start)
    if nearest == start:
        faults.add(role, f"{message}; it does not occur at all", kind=ABSENT)
    else:
        faults.add(role, f"{message}; it occurs at {nearest:,}", kind=MISPLACED)


def _moved(context: str, text: object, start: object) -> object:
    """The nearest place where the text occurs; `start` itself where it does not."""
    if not isinstance(text, str) or not isinstance(start, int) or not text:
        return start
    if start >= 0 and context[start : start + len(text)] == text:
        return start
    at = max(start, 0)
    found = (context.find(text, at), context.rfind(text, 0, at + len(text)))
    return min((p for p in found if p >= 0), key=lambda place: abs(place - start), default=start)


def _spans(cells: Cells, faults: Faults) -> Spans | None:
    """The answers of a row; none for a question that has none, None where there is no column."""
    if "answers" in cells:
        return _tree(cells["answers"], faults)
    if "answer_text" in cells:
        starts = cells.get("answer_start") if "answer_start" in cells else None
        return _flat("answer_text", cells["answer_text"], starts, faults)
    return None


def _tree(value: Value, faults: Faults) -> Spans:
    """SQuAD's {"text": [...], "answer_start": [...]}, its list of objects, or plain texts."""
    written = as_list(value) if isinstance(value, str) else value
    listed = as_value(value) if written is None else written
    if isinstance(listed, dict):
        if "text" not in listed:
            faults.add("answers", "the answers have no `text`")
            return []
        return _flat("answers", listed["text"], listed.get("answer_start"), faults)  # type: ignore[arg-type]
    if isinstance(listed, list) and listed and all(isinstance(part, dict) for part in listed):
        texts = [part.get("text") for part in listed]  # type: ignore[attr-defined]
        starts = [part.get("answer_start") for part in listed]  # type: ignore[attr-defined]
        return _flat(
            "answers", texts, starts if any(s is not None for s in starts) else None, faults
        )
    return _flat("answers", listed, None, faults)


def _flat(role: str, texts: Value, starts: Value, faults: Faults) -> Spans:
    """Texts and their starts, each one value or a list."""
    if is_empty(texts):
        return []
    many = as_list(texts)
    words = [texts] if many is None else many
    counted = as_list(starts)
    places = [starts] * len(words) if counted is None else counted
    if len(words) != len(places):
        faults.add(
            role,
            f"{len(words)} answers have {len(places)} starts",
            kind="answers and starts differ in number",
        )
        return []
    spans: Spans = []
    for text, place in zip(words, places, strict=True):
        if not isinstance(text, str) or not text.strip():
            what = "empty" if text in (None, "") or isinstance(text, str) else kind_of(text)  # type: ignore[arg-type]
            faults.add(
                role,
                f"an answer is {what}, not a text" if what != "empty" else "an answer is empty",
            )
            return []
        start = _whole(place)
        if start is None and not is_empty(place):  # type: ignore[arg-type]
            faults.add(
                role,
                f"the start of `{_short(text)}` is {kind_of(place)}, not a whole number",  # type: ignore[arg-type]
                kind="the start of an answer is no whole number",
            )
            return []
        spans.append((text, start))
    return spans


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) else None


def _word(value: Value | None) -> str:
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _notes(
    table: Table, columns: Mapping[str, str], records: Sequence[Record], numbers: Sequence[int]
) -> list[Finding]:
    warnings = []
    seen: dict[str, int] = {}
    again = [n for r, n in zip(records, numbers, strict=True) if seen.setdefault(r["id"], n) != n]
    if again:
        warnings.append(
            Finding(
                f"{len(again)} questions have the id of an earlier one",
                table.file, again[0], columns.get("id"), kind="the same id twice",
                rows=tuple(again),
            )
        )  # fmt: skip
    without = [n for r, n in zip(records, numbers, strict=True) if r.get("answers") == []]
    if without:
        role = "answers" if "answers" in columns else "answer_text"
        warnings.append(
            Finding(
                f"{len(without)} of {len(records)} questions have no answer",
                table.file, without[0], columns.get(role), kind="questions without an answer",
                rows=tuple(without),
            )
        )  # fmt: skip
    return warnings
