"""The data of a job on Azure ML: checked here, written as its component reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fmtui.azure.components import Component
from fmtui.data.split import stratified
from fmtui.errors import UsageError
from fmtui.services import data as data_service
from fmtui.services import launch
from fmtui.services.context import Context
from fmtui.tasks import get_task

if TYPE_CHECKING:
    from fmtui.services.evaluate import EvaluateRequest
    from fmtui.services.finetune import FinetuneRequest


@dataclass(frozen=True)
class Data:
    """The data of a job: files to upload by their place in the run's folder, and inputs."""

    ref: str
    inputs: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    rows: int = 0
    held_out: int = 0
    labels: tuple[str, ...] = ()
    dataset_id: int | None = None
    warnings: tuple[str, ...] = ()


def finetune_data(
    ctx: Context, request: FinetuneRequest, named: Component, fraction: float, seed: int
) -> Data:
    if request.train.startswith("azureml:"):
        inputs: dict[str, Any] = {"train_file_path": ["uri_file", request.train]}
        if request.validation:
            inputs["validation_file_path"] = ["uri_file", request.validation]
        return Data(request.train, inputs | _keys_given(named, request.columns))
    task = get_task(request.task)
    source = data_service.resolve(ctx, request.train)
    _, found, _ = launch.examples_of(
        task, source, request.columns, drop_invalid=request.drop_invalid
    )
    rows = [named.row(record) for record in found.records]
    held_out: list[dict[str, Any]] = []
    if request.validation:
        other = data_service.resolve(ctx, request.validation)
        _, more, _ = launch.examples_of(
            task, other, request.columns, drop_invalid=request.drop_invalid
        )
        held_out = [named.row(record) for record in more.records]
    elif fraction:
        strata = [task.stratum(record) for record in found.records]
        parts = stratified(strata, {"validation": fraction}, seed=seed)
        held_out = [rows[index] for index in parts["validation"]]
        rows = [rows[index] for index in parts["train"]]
    files = {"data/train.jsonl": _lines(rows)}
    inputs = {"train_file_path": ["uri_file", "data/train.jsonl"]}
    if held_out:
        files["data/validation.jsonl"] = _lines(held_out)
        inputs["validation_file_path"] = ["uri_file", "data/validation.jsonl"]
    info = launch.registered_data(ctx, source, request.columns)
    ref = f"{info.ref}@{source.split}" if source.split else info.ref
    labels = tuple(sorted(label for label, _ in found.labels))
    warnings = tuple(str(w) for w in found.warnings)
    return Data(
        ref, inputs | _keys(named, rows), files, len(rows), len(held_out), labels, info.id, warnings
    )


def evaluate_data(ctx: Context, request: EvaluateRequest, task: str, named: Component) -> Data:
    if request.data.startswith("azureml:"):
        columns = request.columns
        names = [columns.get(role, role) for role in named.inputs]
        inputs = {
            "test_data": ["uri_folder", request.data],
            "input_column_names": ",".join(names),
            "label_column_name": columns.get(named.label, named.label),
        }
        return Data(request.data, inputs)
    source = data_service.resolve(ctx, request.data)
    _, found, _ = launch.examples_of(
        get_task(task), source, request.columns, drop_invalid=request.drop_invalid
    )
    rows = [named.row(record) for record in found.records]
    present = [name for name in (*named.inputs, "text_pair") if name in rows[0]]
    info = launch.registered_data(ctx, source, request.columns)
    ref = f"{info.ref}@{source.split}" if source.split else info.ref
    return Data(
        ref,
        {
            "test_data": ["uri_folder", "data/test"],
            "input_column_names": ",".join(present),
            "label_column_name": named.label,
        },
        {"data/test/test.jsonl": _lines(rows)},
        len(rows),
        dataset_id=info.id,
        labels=tuple(sorted(label for label, _ in found.labels)),
    )


def _keys(named: Component, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which column of the uploaded file is what, in the component's words."""
    return {
        key: column
        for key, column in named.keys.items()
        if column in rows[0] or key not in named.optional
    }


def _keys_given(named: Component, columns: Mapping[str, str]) -> dict[str, str]:
    """The same for data that lies in Azure: the person says its columns."""
    for role in columns:
        if role not in named.roles:
            raise UsageError(
                f"there is no column role `{role}`", hint=f"Roles: {', '.join(named.roles)}."
            )
    keys = dict(named.fixed) | {named.roles[role]: column for role, column in columns.items()}
    missing = [r for r, key in named.roles.items() if key not in keys and key not in named.optional]
    if missing:
        raise UsageError(
            f"which columns of the data asset are {', '.join(missing)}?",
            hint=f"Say it: --columns {','.join(f'{role}=COLUMN' for role in missing)}.",
        )
    return keys


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
