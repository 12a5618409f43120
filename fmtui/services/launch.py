"""What finetune and evaluate share: the facts that go into a spec, and the rows they need."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from fmtui.data import checks
from fmtui.data.report import Finding
from fmtui.data.table import Table
from fmtui.errors import BadInputError, StorageError
from fmtui.services import data as data_service
from fmtui.services import models
from fmtui.services.context import Context
from fmtui.services.data import Source
from fmtui.tasks.base import Examples, Task, choose_columns
from registry.architectures import has_head
from registry.references import parse
from registry.remote import remote_of
from registry.views import DatasetInfo, ModelInfo

_PACKAGES = ("torch", "transformers", "accelerate", "datasets", "evaluate", "tokenizers", "numpy")


def registered_model(ctx: Context, ref: str) -> ModelInfo:
    """A model on this machine; a reference to elsewhere gets told to import it first."""
    reference = parse(ref)
    if reference.source == "local":
        return models.show(ctx, ref)
    for info in models.list_models(ctx):
        if info.origin in (ref, str(reference)) or info.origin.startswith(f"{reference}@"):
            return info
    raise BadInputError(
        f"{reference} is not on this machine", hint=f"Import it: `fmtui model import {reference}`."
    )


def check_files(info: ModelInfo) -> None:
    """Raise BadInputError when the model's folder is gone, or its files lie elsewhere."""
    if remote_of(info) is not None:
        raise BadInputError(
            f"{info.ref} lies in Azure ML",
            hint=f"Use it there: --backend azureml, or `fmtui model download {info.ref}`.",
        )
    if not (Path(info.path) / "config.json").exists():
        raise BadInputError(
            f"the files of {info.ref} are gone from {info.path}",
            hint=f"`fmtui model verify {info.ref}` says which; import it again.",
        )


def check_kind(info: ModelInfo, task: Task) -> None:
    """Raise BadInputError for a model of a kind that can't learn the task."""
    if info.model_type and has_head(info.model_type, task.learnt_by) is False:
        raise BadInputError(
            f"{info.ref} is a model of the type {info.model_type}, which can't learn {task.name}",
            hint=f"`fmtui catalog list --finetune-task {task.name}` shows models that can.",
        )


def examples_of(
    task: Task, source: Source, columns: Mapping[str, str], *, drop_invalid: bool
) -> tuple[dict[str, str], Examples, str]:
    """Columns, examples and fingerprint of a source.

    Raises BadInputError for the first fault, with the number of rows that have it, unless
    `drop_invalid` is set; a fault that is no single row's can't be dropped.
    """
    whole = source.table()
    chosen = choose_columns(task, whole, {**source.roles, **columns})
    found = task.examples(whole, chosen)
    warnings = checks.check_rows(task, whole.file, chosen, found)
    found = replace(found, warnings=[*_of_parts(source, whole), *found.warnings, *warnings])
    stop = [f for f in found.errors if f.row is None] if drop_invalid else found.errors
    if stop:
        raise refusal(stop[0], found.errors)
    if not found.records:
        raise BadInputError("no row is left without a fault", file=whole.file)
    fingerprint = source.info.fingerprint if source.info else whole.fingerprint()
    return chosen, found, fingerprint


def row_with(label: str, task: Task, found: Examples) -> int | None:
    """The number of the first row that has a label."""
    rows = zip(found.numbers, found.records, strict=True)
    return next((number for number, record in rows if label in task.labels_of(record)), None)


def _of_parts(source: Source, table: Table) -> list[Finding]:
    """A warning where splits are taken together: those to test on would be trained on too."""
    parts = [part for part, rows in source.splits(table).items() if rows]
    if len(parts) < 2:
        return []
    name = source.info.name if source.info else source.name
    words = f"its splits {', '.join(parts)} are taken together: `{name}@{parts[0]}` takes one"
    return [Finding(words, table.file, kind="splits are taken together")]


def check_form(of: str, form: Collection[str], columns: Mapping[str, str], file: str) -> None:
    """Raise BadInputError where rows are formed otherwise than a classifier knows them.

    Args:
        of: Whose form that is, for the sentence: a model or the training data.
        form: Its roles, `labels` among them where a row has any number of labels.
        columns: Roles to columns of the rows.
    """
    many, several = "labels" in form, "labels" in columns
    if many == several or not {"label", "labels"} & set(columns):
        return
    if several:
        raise BadInputError(
            f"a row has any number of labels, for {of} it has one",
            file=file,
            column=columns["labels"],
            hint="Bring rows with one label each.",
        )
    raise BadInputError(
        f"a row has one label, for {of} it has any number",
        file=file,
        column=columns["label"],
        hint=f"`--columns labels={columns['label']}` reads lists of labels from that column.",
    )


def refusal(first: Finding, errors: Sequence[Finding]) -> BadInputError:
    """What is said of the first fault: where it is, and how many rows are like it."""
    alike = {f.row for f in errors if f.alike(first) and f.row is not None}
    count = f"{len(alike)} row{'s' if len(alike) > 1 else ''} like this. " if alike else ""
    hint = "Fix them, or drop them with --drop-invalid." if alike else "Fix the data."
    return BadInputError(
        first.message, file=first.file, row=first.row, column=first.column, hint=count + hint
    )


def registered_data(ctx: Context, source: Source, columns: Mapping[str, str]) -> DatasetInfo:
    """The dataset of a source; a file is registered under its own name, once."""
    if source.info is not None:
        return source.info
    return data_service.add(ctx, source.path, columns=columns, new_version=True)


def model_part(info: ModelInfo) -> dict[str, Any]:
    """What a spec says of its model."""
    return {
        "ref": info.ref,
        "id": info.id,
        "path": info.path,
        "origin": info.origin,
        "revision": info.revision,
        "license": info.license,
    }


def data_part(info: DatasetInfo, source: Source, columns: Mapping[str, str]) -> dict[str, Any]:
    """What a spec says of its data."""
    return {
        "ref": f"{info.ref}@{source.split}" if source.split else info.ref,
        "path": info.path,
        "fingerprint": info.fingerprint,
        "columns": dict(columns),
        "split": source.split,
    }


def packages() -> dict[str, str]:
    """The versions of what computes."""
    return {name: metadata.version(name) for name in _PACKAGES}


def need_disk(ctx: Context, size: int) -> None:
    """Raise StorageError when the home has less than `size` bytes left."""
    ctx.home.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(ctx.home.root).free
    if free < size:
        raise StorageError(
            f"the disk of {ctx.home.root} has {free / 1e6:,.0f} MB left, "
            f"this needs about {size / 1e6:,.0f} MB",
            hint="Make room, or set FMTUI_HOME to another disk.",
        )


def command_line(words: Sequence[str]) -> str:
    """Words as one line that a shell reads the same way."""
    return shlex.join(words)
