"""From a stored dataset to the records of a task: read, mapped, split, faults dealt with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fmtui.data.reader import Table, read_table
from fmtui.errors import BadInputError, NotFoundError
from fmtui.tasks.base import Examples, Task

SPLITS_FILE = "splits.json"
"""Beside the data: split name to row indices."""


def load_table(path: Path, *, part: str | None = None, name: str | None = None) -> Table:
    """The rows of a file, or of one of the splits that were made of it."""
    table = read_table(path, name=name)
    if part is None:
        return table
    file = path.with_name(SPLITS_FILE)
    splits: dict[str, list[int]] = json.loads(file.read_text()) if file.exists() else {}
    if part not in splits:
        known = ", ".join(splits) or "none; make them with `fmtui data split`"
        raise NotFoundError(f"{table.file} has no split `{part}`", hint=f"Its splits: {known}.")
    return table.take(splits[part])


def load_examples(
    path: Path,
    task: Task,
    columns: Mapping[str, str],
    *,
    part: str | None = None,
    fingerprint: str | None = None,
    drop_invalid: bool = False,
    name: str | None = None,
) -> Examples:
    """The records of a task, with their places in the file.

    Raises:
        BadInputError: A row has a fault and `drop_invalid` is not set, or the file is not the
            one with that fingerprint any more.
    """
    table = load_table(path, part=part, name=name)
    if fingerprint is not None:
        whole = read_table(path, name=name) if part else table
        if whole.fingerprint() != fingerprint:
            raise BadInputError(
                "the rows are not those that were registered", file=name, hint="Add the data anew."
            )
    found = task.examples(table, columns)
    if found.errors and not drop_invalid:
        first = found.errors[0]
        raise BadInputError(first.message, file=first.file, row=first.row, column=first.column)
    if not found.records:
        raise BadInputError("no row is left", file=name)
    return found
