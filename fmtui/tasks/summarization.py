"""Summarization: a document to a short text; one or several summaries to be measured by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks.base import Examples, Record, Role, Task, Text
from fmtui.tasks.cells import as_list, kind_of
from fmtui.tasks.rows import Cells, Faults, read_rows

DOCUMENT = Role(
    "document",
    (
        "document", "article", "source", "text", "dialogue", "body", "content", "report", "bill",
        "abstract", "input",
    ),
)  # fmt: skip
SUMMARY = Role(
    "summary",
    ("summary", "highlights", "target", "tldr", "summaries", "abstract", "headline", "title"),
)


class Summarization(Task):
    name = "summarization"
    roles = (DOCUMENT, SUMMARY)
    metrics = ("rougeL", "rouge1", "rouge2", "rougeLsum", "loss")
    label_role = None
    heads = ("ForConditionalGeneration", "MTModel")
    learnt_by = "SEQ_TO_SEQ_CAUSAL_LM"

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        records, numbers, errors = read_rows(table, columns, _record)
        longer = [
            number
            for number, record in zip(numbers, records, strict=True)
            if record.get("summary") and len(record["summary"][0]) >= len(record["document"])
        ]
        warnings = []
        if longer:
            warnings.append(
                Finding(
                    f"{len(longer)} summaries are as long as their document",
                    table.file, longer[0], columns["summary"], kind="a summary that is no shorter",
                    rows=tuple(longer),
                )
            )  # fmt: skip
        return Examples(records, numbers, errors, warnings, [])

    def texts(self, record: Record) -> dict[str, Text]:
        parts: dict[str, Text] = {"document": record["document"]}
        return parts | ({"summary": record["summary"][0]} if record.get("summary") else {})

    def input_of(self, record: Record) -> str:
        return str(record["document"])


TASK = Summarization()


def _record(cells: Cells, faults: Faults) -> dict[str, Any]:
    """A list of sentences makes one document; a list of summaries stays one."""
    record: dict[str, Any] = {"document": " ".join(_texts("document", cells["document"], faults))}
    if "summary" in cells:
        record["summary"] = _texts("summary", cells["summary"], faults)
    return record


def _texts(role: str, value: Value, faults: Faults) -> list[str]:
    """The text in a cell, or the texts of a list; what is empty in a list is left out."""
    listed = as_list(value)
    if listed is None:
        text = faults.text(role, value)
        return [text] if text else []
    texts = []
    for number, part in enumerate(listed, 1):
        if not isinstance(part, str):
            what = kind_of(part)  # type: ignore[arg-type]
            faults.add(
                role,
                f"part {number} of the {role} is {what}, not a text",
                kind=f"a part of the {role} is {what}, not a text",
            )
            return []
        if part.strip():
            texts.append(part.strip())
    if not texts:
        faults.add(role, f"the {role} is empty")
    return texts
