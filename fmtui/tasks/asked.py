"""What of a row a model is asked: the inputs alone, where nobody knows the answers yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table
from fmtui.tasks import NAMES, get_task
from fmtui.tasks.base import Role, Roles, choose_columns
from fmtui.tasks.cells import as_list, is_empty
from fmtui.tasks.rows import Cells, Faults, read_rows
from fmtui.tasks.text_generation import read_messages

_ANY_TEXT = Role("text", ("text", "sentence", "message", "content", "document", "input", "source"))

_INPUTS = {
    "text-classification": ("text", "text_pair"),
    "token-classification": ("tokens",),
    "question-answering": ("question", "context"),
    "summarization": ("document",),
    "translation": ("source",),
    "text-generation": ("messages", "prompt", "input"),
}
"""Each task's roles that a model is given, in the order in which it takes them."""


@dataclass(frozen=True)
class Asked:
    """Requests for the rows of a table, in the form that endpoints take.

    `bodies[i]` came from row `indices[i]` of the table; rows with a fault have none.
    """

    columns: dict[str, str]
    bodies: list[dict[str, Any]]
    indices: list[int]
    errors: list[Finding]


class _Inputs(Roles):
    """A task that has its inputs for its only roles."""

    def __init__(self, name: str, roles: tuple[Role, ...]) -> None:
        self.name, self.roles = name, roles


def ask(
    task: str | None, table: Table, given: Mapping[str, str], *, known: Mapping[str, str]
) -> Asked:
    """Requests for every row of a table.

    Args:
        task: What the model does; a name that is none of `fmtui.tasks` takes any text.
        given: Roles to columns, as far as a person set them.
        known: Those of the dataset; what is no input of the task does not count.

    Raises:
        BadInputError: no column does for a role that is needed.
    """
    inputs = _inputs_of(task)
    roles = {role.name for role in inputs.roles}
    set_before = {role: column for role, column in known.items() if role in roles}
    columns = choose_columns(inputs, table, {**set_before, **given})
    places = {number: index for index, number in enumerate(table.numbers)}
    records, numbers, errors = read_rows(table, columns, _body)
    return Asked(columns, records, [places[number] for number in numbers], errors)


def _inputs_of(task: str | None) -> _Inputs:
    if task not in NAMES:
        return _Inputs(task or "this model", (_ANY_TEXT,))
    known = {role.name: role for role in get_task(task).roles}
    if task == "text-generation":  # where there is no prompt, the text itself is gone on with
        names = (*known["prompt"].names, *known["text"].names)
        known["prompt"] = replace(known["prompt"], names=names, required=True)
    return _Inputs(task, tuple(known[name] for name in _INPUTS[task]))


def _body(cells: Cells, faults: Faults) -> dict[str, Any]:
    if "messages" in cells:
        return {"input_data": {"input_string": read_messages(cells["messages"], faults)}}
    if "tokens" in cells:
        words = as_list(cells["tokens"])
        if words:
            return {"input_data": [" ".join(str(word) for word in words)]}
        return {"input_data": [faults.text("tokens", cells["tokens"])]}
    parts = [
        faults.text(role, cell)
        for role, cell in cells.items()
        if role != "input" or not is_empty(cell)  # an instruction may have none
    ]
    if "prompt" in cells:
        parts = ["\n\n".join(parts)]
    return {"input_data": [parts]}
