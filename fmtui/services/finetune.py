"""Finetuning: plan it, see its command, start it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmtui.data import checks
from fmtui.errors import BadInputError, FmtuiError, UsageError
from fmtui.runs.layout import Layout
from fmtui.services import data as data_service
from fmtui.services import launch, runs, trackers
from fmtui.services.context import Context
from fmtui.services.where import Where
from fmtui.tasks import NAMES as TASKS
from fmtui.tasks import get_task
from fmtui.tasks import settings as parameters
from fmtui.tasks.base import Task, label_column
from registry.database import now
from registry.labels import check_tags
from registry.references import check_name
from registry.runs import NewRun
from registry.views import ModelInfo, RunInfo

__all__ = [
    "TASKS",
    "FinetunePlan",
    "FinetuneRequest",
    "SettingInfo",
    "Where",
    "check",
    "defaults",
    "output_name",
    "plan",
    "start",
]

_BYTES_A_PARAMETER = 4
_COPIES_ON_DISK = 8
"""fp32 weights thrice (checkpoint, last one, output) and AdamW's two moments a checkpoint."""


@dataclass(frozen=True)
class FinetuneRequest:
    """What a person asks for. `train` and `validation` are datasets or paths."""

    model: str
    task: str
    train: str
    validation: str | None = None
    name: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    where: Where = field(default_factory=Where)
    drop_invalid: bool = False
    priority: int = 0
    report_to: tuple[str, ...] = ()
    group: str | None = None
    tags: tuple[str, ...] = ()

    def command(self) -> str:
        """The line that does the same."""
        words = ["fmtui", "finetune", self.model, "--task", self.task, "--train", self.train]
        if self.validation:
            words += ["--validation", self.validation]
        if self.name:
            words += ["--name", self.name]
        if self.columns:
            words += ["--columns", ",".join(f"{k}={v}" for k, v in self.columns.items())]
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        words += self.where.words()
        if self.drop_invalid:
            words.append("--drop-invalid")
        if self.priority:
            words += ["--priority", str(self.priority)]
        for tracker in self.report_to:
            words += ["--report-to", tracker]
        for tag in self.tags:
            words += ["--tag", tag]
        return launch.command_line([*words, "--detach"])


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """A setting as a form shows it: its value for this model, its kind, and what it does."""

    name: str
    value: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class FinetunePlan:
    """What would happen: rows, columns, labels, settings; `errors` says why it can't."""

    rows: int
    validation_rows: int
    labels: tuple[str, ...]
    columns: dict[str, str]
    settings: dict[str, Any]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    estimate: str
    steps: int = 0


def defaults(ctx: Context, model: str, task: str) -> dict[str, SettingInfo]:
    """Every setting with the value that suits the model."""
    try:
        size = launch.registered_model(ctx, model).parameters
    except FmtuiError:
        size = None
    values = parameters.resolve({}, parameters=size, metric=get_task(task).metrics[0])
    return {
        s.name: SettingInfo(s.name, _text(values[s.name]), s.kind, s.help, s.choices)
        for s in parameters.SETTINGS
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _Prepared:
    """A request that holds: everything was looked at, nothing was written."""

    model: ModelInfo
    train: data_service.Source
    validation: data_service.Source | None
    columns: dict[str, str]
    validation_columns: dict[str, str]
    rows: int
    validation_rows: int
    labels: list[str]
    settings: dict[str, Any]
    warnings: list[str]
    name: str
    where: dict[str, Any]
    multi_label: bool


def _prepare(ctx: Context, request: FinetuneRequest) -> _Prepared:
    where = request.where.as_spec(ctx)
    task = get_task(request.task)
    model = launch.registered_model(ctx, request.model)
    launch.check_files(model)
    settings = parameters.resolve(
        request.settings, parameters=model.parameters, metric=task.metrics[0]
    )
    name = check_name(request.name or _name(model, request.train), "model")
    train = data_service.resolve(ctx, request.train)
    columns, found, _ = launch.examples_of(
        task, train, request.columns, drop_invalid=request.drop_invalid
    )
    labels = sorted(label for label, _ in found.labels)
    warnings = [str(w) for w in found.warnings]
    rows, validation = len(found.records), None
    validation_columns: dict[str, str] = {}
    if request.validation:
        validation = data_service.resolve(ctx, request.validation)
        validation_columns, other, _ = launch.examples_of(
            task, validation, request.columns, drop_invalid=request.drop_invalid
        )
        new = sorted({label for label, _ in other.labels} - set(labels))
        if new:
            raise BadInputError(
                f"the label `{new[0]}` is not in the training data "
                f"({len(new)} such label{'s' if len(new) > 1 else ''})",
                file=validation.name,
                column=label_column(task, validation_columns),
                hint="A label must be seen in training to be learnt.",
            )
        held_out = len(other.records)
        shared = checks.check_parts(
            task,
            {"training": found, "validation": other},
            {"training": train.name, "validation": validation.name},
            columns,
        )
        warnings += [str(w) for w in (*other.warnings, *shared)]
    else:
        held_out = round(rows * settings["validation_fraction"])
        rows -= held_out
    _check_metric(task, settings["metric_for_best_model"], bool(held_out))
    return _Prepared(
        model, train, validation, columns, validation_columns, rows, held_out, labels, settings,
        warnings, name, where, isinstance(found.records[0].get("label"), list),
    )  # fmt: skip


def _check_metric(task: Task, metric: str, validated: bool) -> None:
    if validated and metric not in task.metrics:
        raise UsageError(
            f"metric_for_best_model={metric}: {task.name} has no such metric",
            hint=f"One of {', '.join(task.metrics)}.",
        )


def _name(model: ModelInfo, train: str) -> str:
    """What the new model is called when nobody said: its base and its data, `minilm-banking`."""
    word = train.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return f"{model.name}-{data_service.suggest_name(Path(word))}"


def plan(ctx: Context, request: FinetuneRequest) -> FinetunePlan:
    """What the request would do. Its faults come back as `errors`, nothing is raised for them."""
    try:
        ready = _prepare(ctx, request)
    except FmtuiError as error:
        return FinetunePlan(0, 0, (), {}, {}, (), (str(error),), "")
    batch = ready.settings["per_device_train_batch_size"]
    every = batch * ready.settings["gradient_accumulation_steps"]
    every *= Layout.of(ready.where).processes
    steps = int(-(-ready.rows // every) * ready.settings["num_train_epochs"])
    if ready.settings["max_steps"] > 0:
        steps = ready.settings["max_steps"]
    return FinetunePlan(
        rows=ready.rows,
        validation_rows=ready.validation_rows,
        labels=tuple(ready.labels),
        columns=ready.columns,
        settings=ready.settings,
        warnings=tuple(ready.warnings),
        errors=(),
        estimate=f"about {steps:,} steps · {_disk(ready.model) / 1e6:,.0f} MB of disk",
        steps=steps,
    )


def _disk(model: ModelInfo) -> int:
    weights = (model.parameters or model.size_bytes // 4) * _BYTES_A_PARAMETER
    return weights * _COPIES_ON_DISK


def check(ctx: Context, request: FinetuneRequest) -> None:
    """Raise what `start` would raise for a fault of the request; nothing is written."""
    _prepare(ctx, request)
    trackers.chosen(request.report_to)
    check_tags(request.tags)


def output_name(ctx: Context, request: FinetuneRequest) -> str:
    """What the model that comes out will be called."""
    return _prepare(ctx, request).name


def start(ctx: Context, request: FinetuneRequest) -> RunInfo:
    """Check everything, then make the run; it starts when a slot is free.

    Raises:
        BadInputError: The data has a fault; nothing was written.
        NotFoundError: No such model or data, with the nearest names.
        UsageError: An unknown task or setting.
        StorageError: The disk has too little room.
    """
    ready = _prepare(ctx, request)
    trackers.chosen(request.report_to)
    tags = check_tags(request.tags)
    launch.need_disk(ctx, _disk(ready.model))
    train = launch.registered_data(ctx, ready.train, request.columns)
    train_part = launch.data_part(train, ready.train, ready.columns)
    validation = None
    if ready.validation is not None:
        info = launch.registered_data(ctx, ready.validation, request.columns)
        validation = launch.data_part(info, ready.validation, ready.validation_columns)
    created = now()
    spec = {
        "kind": "finetune",
        **ready.where,
        "task": request.task,
        "created": created,
        "name": ready.name,
        "model": launch.model_part(ready.model),
        "train": train_part,
        "validation": validation,
        "labels": ready.labels,
        "multi_label": ready.multi_label,
        "drop_invalid": request.drop_invalid,
        "settings": ready.settings,
        "report_to": trackers.chosen(request.report_to),
        **({"group": request.group} if request.group else {}),
        "packages": launch.packages(),
    }
    return runs.create(
        ctx,
        NewRun(
            kind="finetune",
            backend=request.where.backend,
            task=request.task,
            name=ready.name,
            model=ready.model.ref,
            data=str(train_part["ref"]),
            model_version_id=ready.model.id,
            dataset_version_id=train.id,
            created=created,
            tags=tuple(tags),
        ),
        spec,
        priority=request.priority,
        files=request.where.files(),
    )


def request_from(pairs: Mapping[str, str]) -> dict[str, str]:
    """Drop settings that were left empty in a form."""
    return {key: value for key, value in pairs.items() if value.strip()}
