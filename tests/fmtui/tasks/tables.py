"""Tables made in a line, for the tests of tasks."""

from __future__ import annotations

from typing import Any

from fmtui.data.table import Table
from fmtui.tasks import get_task
from fmtui.tasks.base import Examples, choose_columns


def table(columns: str, *rows: tuple[Any, ...]) -> Table:
    """A table with these columns, by their names in one text."""
    return Table("d.jsonl", tuple(columns.split()), list(rows), list(range(1, len(rows) + 1)))


def read(task: str, made: Table, **given: str) -> Examples:
    """What a task makes of a table whose columns it chooses."""
    kind = get_task(task)
    return kind.examples(made, choose_columns(kind, made, given))


def faults(found: Examples) -> list[tuple[int | None, str | None, str]]:
    """Row, column and message of each error."""
    return [(f.row, f.column, f.message) for f in found.errors]
