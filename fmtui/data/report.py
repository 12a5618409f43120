"""What a check of data found: faults that stop a run, warnings that don't."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_LISTED = 1000
"""Rows that JSON lists of one finding, and findings of each kind that it lists."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, with its place; `row` counts as `fmtui.data.reader` does.

    `kind` says the same of all rows like this one, so that findings can be counted; `rows` are
    all rows that it is about, where they are several.
    """

    message: str
    file: str
    row: int | None = None
    column: str | None = None
    kind: str = ""
    rows: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "row": self.row,
            "column": self.column,
            "message": self.message,
            "kind": self.kind or self.message,
            "rows": list(self.every_row[:_LISTED]),
        }

    def alike(self, other: Finding) -> bool:
        """Whether both are the same fault, in whatever rows."""
        return (self.kind or self.message) == (other.kind or other.message)

    @property
    def every_row(self) -> tuple[int, ...]:
        """The rows that it is about; none where it is about the file."""
        return self.rows or (() if self.row is None else (self.row,))

    def __str__(self) -> str:
        where = self.file
        if self.row is not None:
            where += f", row {self.row}"
        if self.column is not None:
            where += f", column {self.column}"
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Group:
    """Findings of one kind. `rows` are all rows that they are about, in order."""

    kind: str
    findings: tuple[Finding, ...]
    rows: tuple[int, ...]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings by file and kind, in the order in which each kind was first found."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.file, finding.kind or finding.message), []).append(finding)
    return [
        Group(kind, tuple(found), tuple(sorted({row for f in found for row in f.every_row})))
        for (_, kind), found in groups.items()
    ]


@dataclass(frozen=True)
class Lengths:
    """How long the texts of one part of the input are, in `unit`s (tokens or words).

    `limit` is what the model takes, 0 where no model was named; `over` rows are longer, and `cut`
    is the share of all units that lies beyond. `bins` are (low, high, rows), both ends included.
    `counted` says how many rows were looked at: a sample where there are very many. `rows` are
    the numbers of those beyond the limit.
    """

    part: str
    unit: str
    counted: int
    median: int
    p95: int
    longest: int
    limit: int
    over: int
    cut: float
    windows: bool
    bins: tuple[tuple[int, int, int], ...]
    rows: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "unit": self.unit,
            "counted": self.counted,
            "median": self.median,
            "p95": self.p95,
            "longest": self.longest,
            "limit": self.limit or None,
            "over": self.over,
            "cut": self.cut,
            "windows": self.windows,
            "bins": [{"low": low, "high": high, "rows": rows} for low, high, rows in self.bins],
        }


@dataclass(frozen=True)
class CheckReport:
    """The result of a check. `columns` maps roles to columns, `labels` counts rows by label.

    `classes` are the labels as one weighs them up: for tags, spans by type. `splits` counts rows by
    split or dataset, `invalid` those with an error. `sources` tells the reference of each file that
    findings name.
    """

    ref: str
    rows: int
    columns: dict[str, str]
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    labels: list[tuple[str, int]] = field(default_factory=list)
    task: str = ""
    model: str | None = None
    lengths: list[Lengths] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)
    invalid: int = 0
    classes: list[tuple[str, int]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "task": self.task,
            "model": self.model,
            "rows": self.rows,
            "invalid": self.invalid,
            "errors": [f.as_json() for f in listed(self.errors)],
            "warnings": [f.as_json() for f in self.warnings],
            "columns": self.columns,
            "labels": dict(self.labels),
            "classes": dict(self.classes),
            "lengths": [length.as_json() for length in self.lengths],
            "splits": self.splits,
        }


def listed(findings: Iterable[Finding]) -> list[Finding]:
    """At most a thousand findings of each kind."""
    return [finding for group in grouped(findings) for finding in group.findings[:_LISTED]]
