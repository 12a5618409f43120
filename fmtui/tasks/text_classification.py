"""Text classification: one text, or a pair of texts, to one label or to any number of them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks.base import Examples, Record, Role, Task, Text, by_name, count_labels
from fmtui.tasks.cells import (
    as_list,
    has_lists,
    is_empty,
    kind_of,
    looks_like_labels,
    looks_like_text,
    plain,
    usual_kind,
)
from fmtui.tasks.rows import Cells, Faults, read_rows

TEXT = Role(
    "text",
    (
        "text", "sentence", "sentence1", "message", "utterance", "query", "question", "review",
        "content", "comment", "body", "tweet", "input", "premise", "document", "title",
    ),
)  # fmt: skip
TEXT_PAIR = Role("text_pair", ("text_pair", "sentence2", "hypothesis", "text2"), required=False)
LABEL = Role(
    "label",
    (
        "label", "labels", "category", "intent", "class", "label_string", "target", "sentiment",
        "topic", "tag", "tags", "label_text",
    ),
    unless=("labels",),
)  # fmt: skip
LABELS = Role("labels", (), required=False)
"""Any number of labels: a list, or a text with `|` or `;` between them."""

_JOINED = 0.1
"""Share of rows with such labels that is no accident."""

_BETWEEN = re.compile(r"\s*[|;]\s*")


class TextClassification(Task):
    name = "text-classification"
    roles = (TEXT, TEXT_PAIR, LABEL, LABELS)
    metrics = ("f1_macro", "accuracy", "f1_micro", "f1_weighted", "mcc", "loss")
    label_role = "label"
    heads = ("ForSequenceClassification",)
    learnt_by = "SEQUENCE_CLASSIFICATION"
    one_answer = True

    def guess_columns(self, table: Table) -> dict[str, str]:
        found = by_name(table, self.roles)
        free = [c for c in table.columns if c not in found.values()]
        if "label" not in found:
            candidates = [c for c in free if looks_like_labels(table.column(c))]
            if len(candidates) == 1:
                found["label"] = candidates[0]
                free.remove(candidates[0])
        if "text" not in found:
            candidates = [c for c in free if looks_like_text(table.column(c))]
            if len(candidates) == 1:
                found["text"] = candidates[0]
        if "label" in found and has_lists(table.column(found["label"])):
            found["labels"] = found.pop("label")
        return found

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        role = "labels" if "labels" in columns else "label"
        usual = usual_kind(table.column(columns[role])) if role in columns else None

        def record_of(cells: Cells, faults: Faults) -> dict[str, Any]:
            record: dict[str, Any] = {
                part: faults.text(part, cells[part])
                for part in ("text", "text_pair")
                if part in cells
            }
            if role in cells:
                read = _labels if role == "labels" else _label
                record["label"] = read(cells[role], usual, faults)
            return record

        records, numbers, errors = read_rows(table, columns, record_of)
        labels = count_labels(self, records)
        if role in columns and len(labels) < 2 and not errors:
            only = labels[0][0] if labels else ""
            errors.append(
                Finding(f"all rows have the label `{only}`", table.file, None, columns[role])
            )
        warnings = [] if role == "labels" else _joined(labels, table.file, columns.get(role))
        return Examples(records, numbers, errors, warnings, labels)

    def texts(self, record: Record) -> dict[str, Text]:
        if "text_pair" in record:
            return {"text and pair": (record["text"], record["text_pair"])}
        return {"text": record["text"]}

    def input_of(self, record: Record) -> str:
        return (
            f"{record['text']}\n{record['text_pair']}" if "text_pair" in record else record["text"]
        )

    def answer_of(self, record: Record) -> Hashable:
        label = record.get("label", "")
        return frozenset(label) if isinstance(label, list) else label

    def labels_of(self, record: Record) -> list[str]:
        label = record.get("label", [])
        return [label] if isinstance(label, str) else list(label)

    def stratum(self, record: Record) -> str:
        return "+".join(sorted(self.labels_of(record)))


TASK = TextClassification()


def _joined(labels: Iterable[tuple[str, int]], file: str, column: str | None) -> list[Finding]:
    """A warning where many rows have a label that other labels are put together to, as `a;b`."""
    counts = dict(labels)
    parts = {label: set(filter(None, _BETWEEN.split(label))) for label in counts}
    several = [label for label, found in parts.items() if len(found) > 1]
    rows = sum(counts[label] for label in several)
    if rows < _JOINED * sum(counts.values()) or len(set().union(*parts.values())) >= len(counts):
        return []
    most = max(several, key=lambda one: counts[one])
    words = f"{rows} rows have a label that looks like several, as `{most}`"
    hint = f"take them apart with --columns labels={column}"
    return [Finding(f"{words}: {hint}", file, None, column, kind="labels that are several")]


def _label(value: Value, usual: str | None, faults: Faults) -> str:
    """One label; a number is one too, where all are numbers."""
    kind = kind_of(value)
    if is_empty(value):
        faults.add("label", "the label is empty")
    elif isinstance(value, dict | list):
        faults.add("label", f"the label is {kind}, not a text")
    elif kind != usual:
        faults.add(
            "label",
            f"the label is {kind}, `{plain(value)}`; in other rows it is {usual}",
            kind=f"the label is {kind}, in other rows {usual}",
        )
    else:
        return plain(value)
    return ""


def _labels(value: Value, usual: str | None, faults: Faults) -> list[str]:
    """Any number of labels, none as well, each once."""
    listed = as_list(value)
    if listed is None:
        if value is None or isinstance(value, dict):
            faults.add("labels", f"the labels are {kind_of(value)}")
            return []
        if kind_of(value) != usual:
            faults.add("labels", f"the labels are {kind_of(value)}, in other rows {usual}")
            return []
        listed = [part for part in _BETWEEN.split(plain(value)) if part]
    for part in listed:
        if is_empty(part) or isinstance(part, dict | list):  # type: ignore[arg-type]
            faults.add("labels", f"one of the labels is {kind_of(part) if part else 'empty'}")  # type: ignore[arg-type]
            return []
    return list(dict.fromkeys(plain(part) for part in listed))  # type: ignore[arg-type]
