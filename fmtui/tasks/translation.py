"""Translation: a text to the same in another language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table
from fmtui.tasks.base import Examples, Record, Role, Task, Text
from fmtui.tasks.languages import code_of
from fmtui.tasks.rows import Cells, Faults, read_rows

SOURCE = Role("source", ("source", "src", "source_text", "input", "original"))
TARGET = Role(
    "target", ("target", "tgt", "trg", "target_text", "translation", "reference", "ref", "output")
)

_FACTOR = 6
"""Times that a text may be as long as its translation before one doubts that it is one."""

_SHORTEST = 20
"""Characters below which lengths tell nothing."""


class Translation(Task):
    name = "translation"
    roles = (SOURCE, TARGET)
    metrics = ("sacrebleu", "chrf", "loss")
    label_role = None
    heads = ("ForConditionalGeneration", "MTModel")
    learnt_by = "SEQ_TO_SEQ_CAUSAL_LM"

    def guess_columns(self, table: Table) -> dict[str, str]:
        """Two languages, as columns or in the objects of one; else by name."""
        pairs = [_nested(table), [c for c in table.columns if _is_language(table, c)]]
        for names in pairs:
            if len(names) == 2:
                return {"source": names[0], "target": names[1]}
        return super().guess_columns(table)

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        records, numbers, errors = read_rows(table, columns, _record)
        return Examples(records, numbers, errors, _notes(table, columns, records, numbers), [])

    def texts(self, record: Record) -> dict[str, Text]:
        return {part: record[part] for part in ("source", "target") if part in record}

    def input_of(self, record: Record) -> str:
        return str(record["source"])


TASK = Translation()


def languages(columns: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The languages of source and target by their columns' names, as ISO 639-1 codes."""
    return code_of(columns.get("source", "")), code_of(columns.get("target", ""))


def _record(cells: Cells, faults: Faults) -> dict[str, Any]:
    return {role: faults.text(role, value) for role, value in cells.items()}


def _nested(table: Table) -> list[str]:
    """The languages in a column of objects, `translation.en` and `translation.ro`."""
    for index, column in enumerate(table.columns):
        first = next((row[index] for row in table.rows if row[index] is not None), None)
        if isinstance(first, dict):
            names = [f"{column}.{key}" for key in first if code_of(key)]
            if len(names) == 2:
                return names
    return []


def _is_language(table: Table, column: str) -> bool:
    """`id` is Indonesian, and `no` Norwegian, only where there are sentences."""
    if code_of(column) is None:
        return False
    values = table.column(column)[:200]
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) > len(values) / 2 and any(" " in t or not t.isascii() for t in texts)


def _notes(
    table: Table, columns: Mapping[str, str], records: list[dict[str, Any]], numbers: list[int]
) -> list[Finding]:
    if "target" not in columns:
        return []
    same, unlike = [], []
    for number, record in zip(numbers, records, strict=True):
        source, target = record["source"], record["target"]
        short, long = sorted((len(source), len(target)))
        if source == target and len(source) >= _SHORTEST:
            same.append(number)
        elif long >= _SHORTEST and long > _FACTOR * short:
            unlike.append(number)
    warnings = []
    for rows, words, kind in (
        (same, "translations are the source itself", "a translation that is its source"),
        (unlike, f"pairs differ {_FACTOR} times in length", "a pair of very different length"),
    ):
        if rows:
            warnings.append(
                Finding(
                    f"{len(rows)} {words}", table.file, rows[0], columns["target"], kind=kind,
                    rows=tuple(rows),
                )
            )  # fmt: skip
    return warnings
