"""What a task tells the rest of fmtui about itself. Adding a task is adding a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fmtui.data.reader import Table
from fmtui.data.report import Finding
from fmtui.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column plays: what it is called here, and the names it often has."""

    name: str
    names: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True)
class Examples:
    """Rows as the task understands them, faults and all.

    `records[i]` came from row `numbers[i]` of the file; rows with a fault are not in it.
    """

    records: list[dict[str, Any]]
    numbers: list[int]
    errors: list[Finding]
    warnings: list[Finding]
    labels: list[tuple[str, int]]


class Task(Protocol):
    """What is special about a task's data and names. Modules of `fmtui.tasks` hold one instance,
    `TASK`; how its models compute is the module of the same name in `fmtui.workers.tasks`."""

    name: str
    roles: tuple[Role, ...]
    metrics: tuple[str, ...]
    """What `metric_for_best_model` may name; the first is the default."""
    label_role: str | None
    """The role whose values are labels that a model must know."""
    heads: tuple[str, ...]
    """Endings of the architectures that do the task as they are."""

    def guess_columns(self, table: Table) -> dict[str, str]:
        """Roles to columns, by names first and contents second; may leave roles out."""

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        """The table in the task's terms, with every fault found."""

    def stratum(self, record: Mapping[str, Any]) -> str:
        """What a split keeps in proportion."""


_LOWER = frozenset({"loss", "perplexity", "hamming_loss", "ece"})


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is more."""
    return metric in _LOWER


def choose_columns(task: Task, table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """The columns for a task's roles: what was given, else guessed. Raises BadInputError."""
    known = {role.name for role in task.roles}
    listing = ", ".join(f"`{c}`" for c in table.columns)
    for role, column in given.items():
        if role not in known:
            raise BadInputError(
                f"{task.name} has no column role `{role}`",
                hint=f"Its roles: {', '.join(r.name for r in task.roles)}.",
            )
        if column not in table.columns:
            raise BadInputError(
                f"there is no column `{column}` for the role {role}",
                file=table.file,
                hint=f"The columns are {listing}.",
            )
    guessed = {
        role: column
        for role, column in task.guess_columns(table).items()
        if role not in given and column not in given.values()
    }
    columns = guessed | dict(given)
    for wanted in task.roles:
        if wanted.required and wanted.name not in columns:
            raise BadInputError(
                f"no column for the role {wanted.name} was found",
                file=table.file,
                hint=f"The columns are {listing}; name one with --columns {wanted.name}=COLUMN.",
            )
    return {role.name: columns[role.name] for role in task.roles if role.name in columns}


def by_name(table: Table, roles: Sequence[Role]) -> dict[str, str]:
    """Roles to columns by the names that columns often have, each column used once."""
    lowered = {column.lower().strip(): column for column in reversed(table.columns)}
    found: dict[str, str] = {}
    for role in roles:
        for name in role.names:
            column = lowered.get(name)
            if column is not None and column not in found.values():
                found[role.name] = column
                break
    return found
