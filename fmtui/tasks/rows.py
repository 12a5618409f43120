"""From the rows of a table to a task's records: one pass, with every fault and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks.cells import text_fault

Cells = dict[str, Value]
"""A row by roles."""


class Faults:
    """Collects what is wrong with a row; told of by its number and the role's column."""

    def __init__(self, table: Table, columns: Mapping[str, str]) -> None:
        self.found: list[Finding] = []
        self._table = table
        self._columns = columns
        self.at = 0
        """The row that is being read, by its index."""

    @property
    def number(self) -> int:
        """The number of that row."""
        return self._table.numbers[self.at]

    def add(self, role: str, message: str, *, kind: str = "") -> None:
        """A fault in the cell of `role`. `kind` says it of all rows like this, where the message
        is about this one alone."""
        table = self._table
        if table.places:
            message = f"{message} ({table.places[self.at]})"
        row, column = self.number, self._columns.get(role)
        self.found.append(Finding(message, table.file, row, column, kind=kind or message))

    def text(self, role: str, value: Value, what: str | None = None) -> str:
        """The text in a cell, without white space around it; "" and a fault where it is none."""
        what = what or role.replace("_", " ")
        message = text_fault(what, value)
        if message:
            self.add(role, message, kind=message)
            return ""
        assert isinstance(value, str)
        return value.strip()


def read_rows(
    table: Table,
    columns: Mapping[str, str],
    record_of: Callable[[Cells, Faults], dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[int], list[Finding]]:
    """Records, their rows' numbers, and the faults; a row with a fault gives no record."""
    faults = Faults(table, columns)
    roles = list(columns)
    values = [table.column(column) for column in columns.values()]
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for at, cells in enumerate(zip(*values, strict=True)):
        faults.at, before = at, len(faults.found)
        record = record_of(dict(zip(roles, cells, strict=True)), faults)
        if len(faults.found) == before:
            records.append(record)
            numbers.append(table.numbers[at])
    return records, numbers, faults.found
