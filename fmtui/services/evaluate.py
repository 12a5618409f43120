"""Evaluation: measure a model on data that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fmtui.errors import BadInputError
from fmtui.services import data as data_service
from fmtui.services import launch, runs
from fmtui.services.context import Context
from fmtui.services.data import Source
from fmtui.services.where import Where
from fmtui.tasks import NAMES as TASKS
from fmtui.tasks import get_task
from fmtui.tasks.base import Examples, Task, label_column
from fmtui.tasks.guess import guess_task
from fmtui.tasks.settings import measuring
from registry.database import now
from registry.folder import CONFIG, read_config
from registry.labels import check_tags
from registry.runs import NewRun
from registry.views import ModelInfo, RunInfo

__all__ = ["TASKS", "EvaluateRequest", "start"]


@dataclass(frozen=True)
class EvaluateRequest:
    """What a person asks for. `data` is a dataset or a path."""

    model: str
    data: str
    columns: dict[str, str] = field(default_factory=dict)
    task: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    drop_invalid: bool = False
    where: Where = field(default_factory=Where)
    tags: tuple[str, ...] = ()

    def command(self) -> str:
        """The line that does the same."""
        words = ["fmtui", "evaluate", self.model, "--data", self.data]
        if self.task:
            words += ["--task", self.task]
        if self.columns:
            words += ["--columns", ",".join(f"{k}={v}" for k, v in self.columns.items())]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={value}"]
        if self.drop_invalid:
            words.append("--drop-invalid")
        words += self.where.words()
        for tag in self.tags:
            words += ["--tag", tag]
        return launch.command_line([*words, "--detach"])


def task_of(
    model: ModelInfo, named: str | None, source: Source, columns: Mapping[str, str]
) -> Task:
    """The task that was named, else the model's own, else what the data is for of those that the
    model has a head for, else text classification."""
    if named is None and model.task in TASKS:
        named = model.task
    if named is None:  # a T5 as it was published summarizes and translates
        able = [n for n in TASKS if (model.architecture or "").endswith(get_task(n).heads)]
        if len(able) > 1:
            guessed = guess_task(source.table(), {**source.roles, **columns}).name
            named = guessed if guessed in able else None
    return get_task(named or "text-classification")


def method_of(model: ModelInfo, task: Task) -> str:
    """`model` where it has a head for the task, else `zero-shot`: nearness to the labels' names.

    Raises BadInputError for a model that can do neither.
    """
    if (model.architecture or "").endswith(task.heads):
        return "model"
    if task.name == "text-classification":
        return "zero-shot"
    raise BadInputError(
        f"{model.ref} has no head for {task.name} ({model.architecture or 'no architecture'})",
        hint=f"Finetune it first: `fmtui finetune {model.ref} --task {task.name} --train DATA`.",
    )


def start(ctx: Context, request: EvaluateRequest) -> RunInfo:
    """Check everything, then make the run; it starts when a slot is free.

    Raises BadInputError when the data has a fault or labels that the model does not know, and
    UsageError for a setting that means nothing there.
    """
    if request.where.backend == "azureml":
        from fmtui.services import azure_runs

        return azure_runs.start_evaluate(ctx, request)
    where = request.where.as_spec(ctx)
    where.pop("layout", None)  # measuring is one process's work, whatever Slurm gives
    tags = check_tags(request.tags)
    model = launch.registered_model(ctx, request.model)
    launch.check_files(model)
    source = data_service.resolve(ctx, request.data)
    task = task_of(model, request.task, source, request.columns)
    method = method_of(model, task)
    settings = measuring(task.name, request.settings)
    columns, found, _ = launch.examples_of(
        task, source, request.columns, drop_invalid=request.drop_invalid
    )
    labels = sorted(label for label, _ in found.labels)
    if task.name == "text-classification":
        launch.check_form(model.ref, _form(model, method), columns, source.name)
    if method == "model" and task.label_role:
        _refuse_unknown_labels(model, task, found, source.name, columns)
    launch.need_disk(ctx, 50_000_000)
    info = launch.registered_data(ctx, source, request.columns)
    created = now()
    part = launch.data_part(info, source, columns)
    spec = {
        "kind": "evaluate",
        **where,
        "task": task.name,
        "created": created,
        "model": launch.model_part(model),
        "data": part,
        "labels": list(model.labels) if method == "model" else labels,
        "method": method,
        "settings": settings,
        "drop_invalid": request.drop_invalid,
        "warnings": [str(warning) for warning in found.warnings],
        "packages": launch.packages(),
    }
    return runs.create(
        ctx,
        NewRun(
            kind="evaluate",
            backend=request.where.backend,
            task=task.name,
            name=None,
            model=model.ref,
            data=str(part["ref"]),
            model_version_id=model.id,
            dataset_version_id=info.id,
            created=created,
            tags=tuple(tags),
        ),
        spec,
    )


def _form(model: ModelInfo, method: str) -> set[str]:
    """The role that a classifier's answers have: any number of labels, or one."""
    if method != "model":
        return {"label"}
    config = read_config(Path(model.path) / CONFIG, trust=True)
    many = config.get("problem_type") == "multi_label_classification"
    return {"labels" if many else "label"}


def _refuse_unknown_labels(
    model: ModelInfo, task: Task, found: Examples, file: str, columns: Mapping[str, str]
) -> None:
    unknown = sorted({label for label, _ in found.labels} - set(model.labels))
    if unknown:
        raise BadInputError(
            f"{model.ref} does not know the label `{unknown[0]}` "
            f"({len(unknown)} such label{'s' if len(unknown) > 1 else ''})",
            file=file,
            row=launch.row_with(unknown[0], task, found),
            column=label_column(task, columns),
            hint=f"It knows: {', '.join(model.labels[:6])}"
            + (" …" if len(model.labels) > 6 else ""),
        )
