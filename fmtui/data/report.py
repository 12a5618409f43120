"""What a check of data found: faults that stop a run, warnings that don't."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, with its place; `row` counts as `fmtui.data.reader` does."""

    message: str
    file: str
    row: int | None = None
    column: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "row": self.row,
            "column": self.column,
            "message": self.message,
        }

    def __str__(self) -> str:
        where = self.file
        if self.row is not None:
            where += f", row {self.row}"
        if self.column is not None:
            where += f", column {self.column}"
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class CheckReport:
    """The result of a check. `columns` maps roles to columns, `labels` counts rows by label."""

    ref: str
    rows: int
    columns: dict[str, str]
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    labels: list[tuple[str, int]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "rows": self.rows,
            "errors": [f.as_json() for f in self.errors],
            "warnings": [f.as_json() for f in self.warnings],
            "columns": self.columns,
            "labels": dict(self.labels),
        }
