"""The check of data before a run: faults that refuse it, warnings that are shown, and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fmtui.data import checks
from fmtui.data.checks import balance, lengths
from fmtui.data.report import CheckReport, Finding, Group, Lengths, grouped
from fmtui.data.table import Table
from fmtui.errors import BadInputError, NotFoundError
from fmtui.services import launch
from fmtui.services.context import Context
from fmtui.services.data import Source, resolve
from fmtui.tasks import NAMES as TASKS
from fmtui.tasks import get_task
from fmtui.tasks.base import Examples, Task, choose_columns, count_labels
from fmtui.tasks.guess import guess_task

__all__ = [
    "TASKS",
    "CheckReport",
    "Finding",
    "Group",
    "Lengths",
    "check",
    "grouped",
    "rows_of",
]


def check(
    ctx: Context,
    ref: str,
    *,
    task: str | None = None,
    columns: Mapping[str, str] | None = None,
    model: str | None = None,
    against: Sequence[str] = (),
    max_length: int | None = None,
    repair: bool = False,
) -> CheckReport:
    """Look at every row as the task would. Faults in the file itself are findings too.

    Args:
        ref: A dataset, one of its splits, or a path. Its splits are set against each other.
        task: Guessed from the columns where left out.
        model: Lengths are counted in its tokens and held against its limit; else in words.
        against: Further data that `ref` must share nothing with, such as what is to test on.
        max_length: What a run would cut at, where that is less than the model's limit.
        repair: Look at the rows as `fmtui data add --repair` would keep them.

    Raises NotFoundError for data or a model that is not there, UsageError for an unknown task.
    """
    folder = Path(launch.registered_model(ctx, model).path) if model else None
    kind = get_task(task) if task else None
    try:
        source = resolve(ctx, ref)
        table = source.table()
        given = {**source.roles, **(columns or {})}
        kind = kind or guess_task(table, given)
        chosen = choose_columns(kind, table, given)
        others = [(name, *_other(ctx, name, kind, columns or {})) for name in against]
    except NotFoundError:
        raise
    except BadInputError as error:
        return _refused(ref, error, kind)
    done: list[Finding] = []
    if repair:
        table, done = kind.repair(table, chosen)
    found = kind.examples(table, chosen)
    errors = list(found.errors)
    warnings = [*done, *found.warnings, *checks.check_rows(kind, table.file, chosen, found)]
    parts, files = _parts(kind, source, table, found)
    sources = {file: file for file in files.values()}
    for name, other, examples in others:
        sources[other] = name
        part = other if other not in parts else name
        parts[part], files[part] = examples, other
        errors += examples.errors
    if len(parts) > 1:
        warnings += checks.check_parts(kind, parts, files, chosen)
    measured = lengths.measure(kind, found, model=folder, limit=max_length)
    warnings += lengths.find(table.file, measured, len(found.records))
    return CheckReport(
        ref=source.name,
        rows=len(table.rows),
        columns=chosen,
        errors=errors,
        warnings=warnings,
        labels=found.labels,
        task=kind.name,
        model=model,
        lengths=measured,
        splits={part: len(examples.records) for part, examples in parts.items()},
        invalid=len(table.rows) - len(found.records),
        classes=balance.ordered(kind, found.labels),
        sources={table.file: ref, **sources},
    )


def rows_of(ctx: Context, ref: str, numbers: Sequence[int]) -> list[tuple[int, dict[str, object]]]:
    """Rows of data by their numbers, with their cells by column."""
    table = resolve(ctx, ref).table()
    wanted = set(numbers)
    return [
        (number, dict(zip(table.columns, row, strict=True)))
        for number, row in zip(table.numbers, table.rows, strict=True)
        if number in wanted
    ]


def _other(ctx: Context, ref: str, task: Task, columns: Mapping[str, str]) -> tuple[str, Examples]:
    source = resolve(ctx, ref)
    table = source.table()
    fitting = {role: column for role, column in columns.items() if table.has(column)}
    chosen = choose_columns(task, table, {**source.roles, **fitting})
    return table.file, task.examples(table, chosen)


def _refused(ref: str, error: BadInputError, task: Task | None) -> CheckReport:
    """The report where not a row could be looked at."""
    message = f"{error.message}. {error.hint}" if error.hint else error.message
    finding = Finding(message, error.file or ref, error.row, error.column, kind=error.message)
    return CheckReport(ref, 0, {}, [finding], task=task.name if task else "")


def _parts(
    task: Task, source: Source, table: Table, found: Examples
) -> tuple[dict[str, Examples], dict[str, str]]:
    """The splits of the data, or all of it as one part, with what errors call the file of each."""
    splits = source.splits(table)
    if not splits:
        return {source.name: found}, {source.name: table.file}
    by_number = dict(zip(found.numbers, found.records, strict=True))
    parts = {}
    for part, indices in splits.items():
        numbers = [n for n in (table.numbers[i] for i in indices) if n in by_number]
        records = [by_number[n] for n in numbers]
        parts[part] = Examples(records, numbers, [], [], count_labels(task, records))
    return parts, {part: f"{table.file}@{part}" for part in parts}
