"""What a task tells the rest of fmtui about itself. Adding a task is adding a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fmtui.data.reader import Table
from fmtui.data.report import Finding
from fmtui.errors import BadInputError
from fmtui.metrics.names import lower_is_better as lower_is_better

Record = Mapping[str, Any]

_LISTED = 30
"""Columns that an error names; a table that was read the wrong way has thousands."""

Text = str | tuple[str, str] | list[str]
"""What a tokenizer takes: a text, a pair of texts, or the words of one."""


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column plays: what it is called here, and the names it often has.

    `unless` names the roles that can take its place; a table has one of them or the other.
    """

    name: str
    names: tuple[str, ...]
    required: bool = True
    unless: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The role itself and those that can take its place."""
        return (self.name, *self.unless)

    def excludes(self, other: Role) -> bool:
        """Whether only one of the two has a column."""
        return other.name in self.unless or self.name in other.unless


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


class Roles(Protocol):
    """What columns are for."""

    name: str
    roles: tuple[Role, ...]

    def guess_columns(self, table: Table) -> dict[str, str]:
        """Roles to columns, by names first and contents second; may leave roles out."""
        return by_name(table, self.roles)


class Task(Roles, Protocol):
    """What is special about a task's data and names. Modules of `fmtui.tasks` hold one instance,
    `TASK`; how its models compute is the module of the same name in `fmtui.workers.tasks`."""

    metrics: tuple[str, ...]
    """What `metric_for_best_model` may name; the first is the default."""
    label_role: str | None
    """The role whose values are labels that a model must know."""
    heads: tuple[str, ...]
    """Endings of the architectures that do the task as they are."""
    learnt_by: str
    """The head that a model gets to learn it, as the tables of transformers call it."""

    one_answer: bool = False
    """Whether the same input with another answer is a contradiction."""
    windows: bool = False
    """Whether an input beyond the model's limit is read in windows rather than cut."""

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        """The table in the task's terms, with every fault found."""
        raise NotImplementedError

    def texts(self, record: Record) -> dict[str, Text]:
        """What of a record a model reads or writes, by part."""
        raise NotImplementedError

    def input_of(self, record: Record) -> str:
        """What is asked, as one text: the same for rows that ask the same."""
        raise NotImplementedError

    def answer_of(self, record: Record) -> Hashable:
        """What is to be answered."""
        return ""

    def labels_of(self, record: Record) -> Iterable[str]:
        """The labels of a record, each as often as it is there."""
        return ()

    def stratum(self, record: Record) -> str:
        """What a split keeps in proportion."""
        return ""

    def groups(self, records: Sequence[Record]) -> list[str] | None:
        """What keeps rows in one part of a split, for each record; None: each is by itself."""
        return None

    def repair(self, table: Table, columns: Mapping[str, str]) -> tuple[Table, list[Finding]]:
        """The table with the faults mended that have but one likely cure, and what was done."""
        return table, []


def choose_columns(task: Roles, table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """The columns for a task's roles: what was given, else guessed. Raises BadInputError."""
    roles = {role.name: role for role in task.roles}
    listing = ", ".join(f"`{c}`" for c in table.columns[:_LISTED]) or "none"
    if more := len(table.columns[_LISTED:]):
        listing += f" and {more:,} more"
    for role, column in given.items():
        if role not in roles:
            raise BadInputError(
                f"{task.name} has no column role `{role}`",
                file=table.file,
                column=column,
                hint=f"Its roles: {', '.join(roles)}.",
            )
        if not table.has(column):
            raise BadInputError(
                f"there is no column `{column}` for the role {role}",
                file=table.file,
                column=column,
                hint=f"The columns are {listing}.",
            )
    guessed = {
        role: column
        for role, column in task.guess_columns(table).items()
        if role not in given
        and column not in given.values()
        and not any(roles[role].excludes(roles[other]) for other in given)
    }
    columns = guessed | dict(given)
    for wanted in task.roles:
        if wanted.required and not any(name in columns for name in wanted.places):
            raise BadInputError(
                f"no column for the role {wanted.name} was found",
                file=table.file,
                hint=f"The columns are {listing}; name one with --columns {wanted.name}=COLUMN.",
            )
    return {role.name: columns[role.name] for role in task.roles if role.name in columns}


def count_labels(task: Task, records: Iterable[Record]) -> list[tuple[str, int]]:
    """How often each label is there, most often first."""
    return Counter(label for r in records for label in task.labels_of(r)).most_common()


def label_column(task: Task, columns: Mapping[str, str]) -> str | None:
    """The column with the labels that a model must know, None where a task has none."""
    names = [r for role in task.roles if role.name == task.label_role for r in role.places]
    return next((columns[name] for name in names if name in columns), None)


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
