"""Finetuning: plan it, see its command, start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmtui.data import checks
from fmtui.errors import BadInputError, FmtuiError, UsageError
from fmtui.runs.layout import Layout
from fmtui.services import data as data_service
from fmtui.services import launch, runs, settings, trackers
from fmtui.services.context import Context
from fmtui.services.estimate import Estimate, estimate
from fmtui.services.request import FinetuneRequest
from fmtui.services.settings import Chosen, SettingInfo
from fmtui.services.where import Where
from fmtui.tasks import NAMES as TASKS
from fmtui.tasks import get_task
from fmtui.tasks.base import Record, Task, label_column
from fmtui.tasks.guess import guess_task
from fmtui.tasks.settings import LOCAL
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
    "usual_task",
]


@dataclass(frozen=True)
class FinetunePlan:
    """What would happen: rows, columns, labels, settings; `errors` says why it can't.

    `sources` tells where each setting's value comes from, `costs` what the run will need.
    """

    rows: int
    validation_rows: int
    labels: tuple[str, ...]
    columns: dict[str, str]
    settings: dict[str, Any]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    estimate: str
    steps: int = 0
    name: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    costs: Estimate | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "rows": self.rows,
            "validation_rows": self.validation_rows,
            "labels": list(self.labels),
            "columns": self.columns,
            "settings": self.settings,
            "sources": self.sources,
            "steps": self.steps,
            "estimate": self.costs.as_json() if self.costs else None,
            "warnings": list(self.warnings),
            "errors": list(self.errors),
        }


def suggest_task(ctx: Context, model: str, train: str) -> str:
    """What a model is most likely to be taught: what it does already, else what the data is for."""
    try:
        info = launch.registered_model(ctx, model)
        if info.task in TASKS:
            return str(info.task)
    except FmtuiError:  # none chosen yet, or one that is elsewhere
        pass
    try:
        source = data_service.resolve(ctx, train)
        return guess_task(source.table(), source.roles).name
    except FmtuiError:
        return TASKS[0]


def usual_task(ctx: Context, model: str) -> str | None:
    """The task that a model does already, None where it does none that can be finetuned."""
    try:
        task = launch.registered_model(ctx, model).task
    except FmtuiError:
        return None
    return task if task in TASKS else None


def defaults(
    ctx: Context, model: str, task: str, *, preset: str | None = None, backend: str = LOCAL
) -> dict[str, SettingInfo]:
    """Every setting with the value that suits the model, and where that comes from."""
    try:
        info = launch.registered_model(ctx, model)
    except FmtuiError:
        info = None
    chosen = settings.chosen_for(ctx, info, task, {}, preset=preset, backend=backend)
    return settings.infos(task, chosen, backend)


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
    chosen: dict[str, Chosen]
    warnings: list[str]
    name: str
    where: dict[str, Any]
    multi_label: bool
    costs: Estimate

    @property
    def settings(self) -> dict[str, Any]:
        return {name: chosen.value for name, chosen in self.chosen.items()}


def _prepare(ctx: Context, request: FinetuneRequest) -> _Prepared:
    where = request.where.as_spec(ctx)
    task = get_task(request.task)
    trackers.chosen(request.report_to)
    check_tags(request.tags)
    model = launch.registered_model(ctx, request.model)
    launch.check_files(model)
    asked = _chosen(ctx, request, model)  # what was typed wrongly is told before data is read
    if asked["apply_deepspeed"].value:
        where = request.where.as_spec(ctx, zero_stage=int(asked["deepspeed_stage"].value))
    name = check_name(request.name or _name(model, request.train), "model")
    train = data_service.resolve(ctx, request.train)
    columns, found, fingerprint = launch.examples_of(
        task, train, request.columns, drop_invalid=request.drop_invalid
    )
    _check_same(request, "train", fingerprint)
    labels = sorted(label for label, _ in found.labels)
    chosen = _chosen(ctx, request, model, found.records)
    values = {name: choice.value for name, choice in chosen.items()}
    warnings = [str(w) for w in found.warnings]
    rows, validation = len(found.records), None
    validation_columns: dict[str, str] = {}
    if request.validation:
        validation = data_service.resolve(ctx, request.validation)
        validation_columns, other, fingerprint = launch.examples_of(
            task, validation, request.columns, drop_invalid=request.drop_invalid
        )
        _check_same(request, "validation", fingerprint)
        launch.check_form("the training data", columns, validation_columns, validation.name)
        new = sorted({label for label, _ in other.labels} - set(labels))
        if new:
            raise BadInputError(
                f"the label `{new[0]}` is not in the training data "
                f"({len(new)} such label{'s' if len(new) > 1 else ''})",
                file=validation.name,
                row=launch.row_with(new[0], task, other),
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
        held_out = round(rows * float(values["validation_fraction"]))
        rows -= held_out
    _check_metric(task, str(values["metric_for_best_model"]), bool(held_out))
    if values.get("apply_early_stopping") and not held_out:
        raise UsageError(
            "early stopping needs measurements, and no rows are left to validate on",
            hint="Name validation data, or leave early stopping out.",
        )
    launch.check_kind(model, task)  # after the data: its faults are what a person can mend
    many = isinstance(found.records[0].get("label"), list)
    if many and values.get("label_smoothing_factor"):
        raise UsageError(
            "label_smoothing_factor: rows with any number of labels have no other labels",
            hint="Leave it out.",
        )
    costs = estimate(
        ctx, model, task, found.records, values, rows=rows, validation_rows=held_out,
        layout=Layout.of(where), backend=request.where.backend,
    )  # fmt: skip
    return _Prepared(
        model, train, validation, columns, validation_columns, rows, held_out, labels, chosen,
        [*costs.problems(), *warnings], name, where,
        many, costs,
    )  # fmt: skip


def _chosen(
    ctx: Context, request: FinetuneRequest, model: ModelInfo, records: Sequence[Record] = ()
) -> dict[str, Chosen]:
    return settings.chosen_for(
        ctx,
        model,
        request.task,
        request.settings,
        backend=request.where.backend,
        preset=request.preset,
        rows=len(records) or None,
        unanswerable=any(record.get("answers") == [] for record in records),
    )


def _check_same(request: FinetuneRequest, role: str, fingerprint: str) -> None:
    """Raise BadInputError where a run is done again and its rows are not those any more."""
    expected = request.fingerprints.get(role)
    if expected is not None and expected != fingerprint:
        raise BadInputError(
            f"the {role} data is not that of the spec: its fingerprint is {fingerprint[:12]}…, "
            f"the spec says {expected[:12]}…",
            file=request.train if role == "train" else request.validation,
            hint="Name the version that was used, or take `fingerprints` out of the spec.",
        )


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
        if request.where.backend == "azureml":
            return _plan_on_azure(ctx, request)
        ready = _prepare(ctx, request)
    except FmtuiError as error:
        return FinetunePlan(0, 0, (), {}, {}, (), (str(error),), "")
    return FinetunePlan(
        rows=ready.rows,
        validation_rows=ready.validation_rows,
        labels=tuple(ready.labels),
        columns=ready.columns,
        settings=ready.settings,
        warnings=tuple(ready.warnings),
        errors=(),
        estimate=ready.costs.line(),
        steps=ready.costs.steps,
        name=ready.name,
        sources={name: chosen.source for name, chosen in ready.chosen.items()},
        costs=ready.costs,
    )


def _plan_on_azure(ctx: Context, request: FinetuneRequest) -> FinetunePlan:
    from fmtui.services import azure_runs

    ready = azure_runs.prepare_finetune(ctx, request)
    return FinetunePlan(
        rows=ready.data.rows,
        validation_rows=ready.data.held_out,
        labels=ready.data.labels,
        columns={},
        settings=ready.settings,
        warnings=ready.data.warnings,
        errors=(),
        estimate=ready.cost,
        name=ready.name,
        sources={name: chosen.source for name, chosen in ready.chosen.items()},
    )


def check(ctx: Context, request: FinetuneRequest) -> None:
    """Raise what `start` would raise for a fault of the request; nothing is written."""
    if request.where.backend == "azureml":
        from fmtui.services import azure_runs

        azure_runs.prepare_finetune(ctx, request)
        return
    _prepare(ctx, request)


def output_name(ctx: Context, request: FinetuneRequest) -> str:
    """What the model that comes out will be called."""
    if request.where.backend == "azureml":
        from fmtui.services import azure_runs

        return azure_runs.prepare_finetune(ctx, request).name
    return _prepare(ctx, request).name


def start(ctx: Context, request: FinetuneRequest) -> RunInfo:
    """Check everything, then make the run; it starts when a slot is free.

    Raises:
        BadInputError: The data has a fault; nothing was written.
        NotFoundError: No such model or data, with the nearest names.
        UsageError: An unknown task or setting.
        StorageError: The disk has too little room.
    """
    if request.where.backend == "azureml":
        from fmtui.services import azure_runs

        return azure_runs.start_finetune(ctx, request)
    ready = _prepare(ctx, request)
    tags = check_tags(request.tags)
    launch.need_disk(ctx, ready.costs.disk_bytes)
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
        "estimate": ready.costs.as_spec(),
        "warnings": ready.warnings,
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
