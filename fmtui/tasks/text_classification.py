"""Text classification: one text, or a pair of texts, to one label."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from fmtui.data.reader import Table, Value
from fmtui.data.report import Finding
from fmtui.tasks.base import Examples, Role, by_name

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
        "topic", "tag", "label_text",
    ),
)  # fmt: skip

_MAX_LABEL = 80
_MIN_ROWS_PER_LABEL = 5


class TextClassification:
    name = "text-classification"
    roles = (TEXT, TEXT_PAIR, LABEL)
    metrics = ("f1_macro", "accuracy", "f1_micro", "f1_weighted", "mcc", "loss")
    label_role = "label"
    heads = ("ForSequenceClassification",)

    def guess_columns(self, table: Table) -> dict[str, str]:
        found = by_name(table, self.roles)
        free = [c for c in table.columns if c not in found.values()]
        if "label" not in found:
            candidates = [c for c in free if _looks_like_labels(table.column(c))]
            if len(candidates) == 1:
                found["label"] = candidates[0]
                free.remove(candidates[0])
        if "text" not in found:
            candidates = [c for c in free if _looks_like_text(table.column(c))]
            if len(candidates) == 1:
                found["text"] = candidates[0]
        return found

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        indices = {role: table.columns.index(column) for role, column in columns.items()}
        errors: list[Finding] = []
        records: list[dict[str, Any]] = []
        numbers: list[int] = []
        for number, row in zip(table.numbers, table.rows, strict=True):
            faults = [
                Finding(message, table.file, number, columns[role])
                for role, index in indices.items()
                if (message := _fault(role, row[index]))
            ]
            if faults:
                errors += faults
                continue
            records.append({role: str(row[index]).strip() for role, index in indices.items()})
            numbers.append(number)
        labels = Counter(record["label"] for record in records) if "label" in columns else Counter()
        if "label" in columns and len(labels) < 2 and not errors:
            only = next(iter(labels), "")
            errors.append(
                Finding(f"all rows have the label `{only}`", table.file, None, columns["label"])
            )
        return Examples(
            records,
            numbers,
            errors,
            _warnings(table.file, columns, records, numbers, labels),
            labels.most_common(),
        )

    def stratum(self, record: Mapping[str, Any]) -> str:
        return str(record.get("label", ""))


TASK = TextClassification()


def _fault(role: str, value: Value) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return f"the {role.replace('_', ' ')} is empty"
    if isinstance(value, dict | list):
        return f"the {role.replace('_', ' ')} is a JSON {type(value).__name__}, not a text"
    if role != "label" and not isinstance(value, str):
        return f"the {role.replace('_', ' ')} is {type(value).__name__}, not a text"
    return None


def _warnings(
    file: str,
    columns: Mapping[str, str],
    records: list[dict[str, Any]],
    numbers: list[int],
    labels: Counter[str],
) -> list[Finding]:
    warnings: list[Finding] = []
    seen: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    repeated = 0
    contradicted: list[tuple[int, int]] = []
    for number, record in zip(numbers, records, strict=True):
        key = (record.get("text", ""), record.get("text_pair", ""))
        label = record.get("label", "")
        earlier = seen[key]
        if label in earlier:
            repeated += 1
        elif earlier:
            contradicted.append((number, next(iter(earlier.values()))))
        earlier.setdefault(label, number)
    if contradicted:
        number, other = contradicted[0]
        warnings.append(
            Finding(
                f"the same text as row {other} with another label ({len(contradicted)} such rows)",
                file,
                number,
                columns.get("label"),
            )
        )
    if repeated:
        warnings.append(Finding(f"{repeated} rows repeat an earlier row", file))
    rare = [label for label, count in labels.items() if count < _MIN_ROWS_PER_LABEL]
    if rare:
        shown = ", ".join(f"`{label}`" for label in rare[:3])
        warnings.append(
            Finding(
                f"{len(rare)} labels have fewer than {_MIN_ROWS_PER_LABEL} rows: {shown}",
                file,
                None,
                columns.get("label"),
            )
        )
    return warnings


def _looks_like_labels(values: list[Value]) -> bool:
    present = [str(v) for v in values if v not in (None, "") and not isinstance(v, dict | list)]
    distinct = set(present)
    return (
        2 <= len(distinct) <= len(present) / _MIN_ROWS_PER_LABEL
        and max(map(len, distinct)) <= _MAX_LABEL
    )


def _looks_like_text(values: list[Value]) -> bool:
    texts = [v for v in values if isinstance(v, str) and v]
    if len(texts) < len(values) / 2:
        return False
    return sum(" " in text.strip() for text in texts) > len(texts) / 2
