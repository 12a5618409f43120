"""Which task a table is made for, by its columns and a look at what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError
from fmtui.tasks import get_task
from fmtui.tasks.base import Task, choose_columns, label_column
from fmtui.tasks.cells import as_list, has_lists
from fmtui.tasks.translation import languages

_ORDER = (
    "question-answering",
    "token-classification",
    "translation",
    "text-classification",
    "summarization",
    "text-generation",
)
"""From the one whose columns are most telling to the one that any text will do for."""

_INSTRUCTED = ({"instruction", "output"}, {"instruction", "response"}, {"prompt", "completion"})
"""Columns that only answers to instructions have: few short ones look like labels."""

_LOOKED_AT = 500
_LONGEST_LABEL = 80


def guess_task(table: Table, given: Mapping[str, str]) -> Task:
    """The task that the columns fit, given the roles that a person set; text classification where
    none does, so that its check says what is absent."""
    first = table.take(range(min(_LOOKED_AT, len(table.rows))))
    if not given and any(names <= set(table.columns) for names in _INSTRUCTED):
        return get_task("text-generation")
    for name in _ORDER:
        task = get_task(name)
        try:
            columns = choose_columns(task, first, given)
        except BadInputError:
            continue
        if _fits(task, first, columns):
            return task
    return get_task("text-classification")


def _fits(task: Task, table: Table, columns: Mapping[str, str]) -> bool:
    values = {role: table.column(column) for role, column in columns.items()}
    if task.name == "token-classification":
        return _same_number(values["tokens"], values["tags"])
    if task.name == "translation":
        source, target = languages(columns)
        if source and target and source != target:
            return True
        ratio = _length(values["target"]) / max(_length(values["source"]), 1)
        return not has_lists(values["target"]) and 0.5 < ratio < 2
    if task.name == "text-classification":
        return _are_labels(table.column(label_column(task, columns) or columns["text"]))
    if task.name == "summarization":
        return _length(values["summary"]) < _length(values["document"])
    return True


def _same_number(tokens: Sequence[Value], tags: Sequence[Value]) -> bool:
    """Whether most rows have as many words as tags, some of them more than one."""
    counts = [(_words(a), _words(b)) for a, b in zip(tokens, tags, strict=True)]
    same = sum(a == b for a, b in counts)
    return same >= 0.8 * len(counts) and max(b for _, b in counts) > 1


def _words(value: Value) -> int:
    listed = as_list(value)
    return len(listed) if listed is not None else len(str(value or "").split())


def _are_labels(values: Sequence[Value]) -> bool:
    """Whether they are short, and fewer than the rows where there are many."""
    labels: list[object] = []
    for value in values:
        listed = as_list(value)
        labels += [value] if listed is None else listed
    distinct = {str(label) for label in labels if label not in (None, "")}
    if any(len(label) > _LONGEST_LABEL for label in distinct):
        return False
    return len(distinct) <= max(20, len(values) / 2)


def _length(values: Sequence[Value]) -> float:
    """The median of their lengths in characters; sentences of a list count together."""
    lengths = []
    for value in values:
        listed = as_list(value)
        lengths.append(sum(len(str(p)) for p in listed) if listed else len(str(value or "")))
    return median(lengths)
