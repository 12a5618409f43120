"""Finetuning and evaluation on Azure ML: looked at here, written down as a run, handed over."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from fmtui.azure.components import (
    EVALUATION,
    PARTS,
    Parameters,
    component_of,
)
from fmtui.azure.options import SERVERLESS, AzureOptions
from fmtui.errors import BadInputError, UsageError
from fmtui.services import azure, models, runs
from fmtui.services._azure_data import Data, evaluate_data, finetune_data
from fmtui.services._azure_models import Base, base_of, check_workspace
from fmtui.services.context import Context
from fmtui.tasks import get_task
from fmtui.tasks.settings import AZURE, BY_NAME, Chosen, Situation, choose, written
from fmtui.tasks.settings.component import component_inputs
from fmtui.tasks.settings.presets import COMPONENT
from registry.database import now
from registry.labels import check_tags
from registry.references import check_name, parse
from registry.runs import NewRun
from registry.views import RunInfo

if TYPE_CHECKING:
    from fmtui.azure.compute import Place
    from fmtui.services.evaluate import EvaluateRequest
    from fmtui.services.finetune import FinetuneRequest


@dataclass(frozen=True)
class Prepared:
    """A request that holds: everything was looked at, nothing was written or begun."""

    name: str
    component: str
    base: Base
    data: Data
    place: Place
    inputs: dict[str, Any]
    chosen: dict[str, Chosen]
    options: AzureOptions

    @property
    def settings(self) -> dict[str, Any]:
        """By our own names, as every run's spec has them."""
        return {name: choice.value for name, choice in self.chosen.items()}

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        return f"{self.place.cost()} while it runs"


def prepare_finetune(ctx: Context, request: FinetuneRequest) -> Prepared:
    """Look at everything. Raises what `start` raises."""
    from fmtui.azure import compute, jobs
    from fmtui.azure.connection import connect

    named, options = component_of(request.task), request.where.azure_options(ctx)
    base = base_of(ctx, request.model, "finetune")
    asked = _chosen(request, base)  # what was typed wrongly is told before data is read
    fraction, seed = asked["validation_fraction"].value, asked["seed"].value
    data = finetune_data(ctx, request, named, float(fraction), int(seed))
    chosen = _chosen(request, base, data.rows or None)
    name = check_name(request.name or _name(base.ref, request.train), "model")
    connection = connect(ctx.home, dict(options.given))
    check_workspace(base, connection.settings)
    made = jobs.component(connection, named.finetune)
    place = compute.place_of(
        connection, options.compute, options.instance_type, base.needs, base.ref
    )
    where: dict[str, Any] = {f"compute_{part}": place.compute for part in PARTS}
    if place.compute == SERVERLESS:
        where |= {f"instance_type_{part}": place.size.name for part in PARTS}
    if place.size.gpus:
        where["number_of_gpu_to_use_finetuning"] = place.size.gpus
    inputs = base.inputs | data.inputs | {k: v for k, v in where.items() if k in made.inputs}
    warmup = _warmup(request, chosen, data.rows, place.size.gpus or 1)
    inputs |= _accepted(jobs.parameters(made), request.task, chosen, warmup)
    return Prepared(name, named.finetune, base, data, place, inputs, chosen, options)


def start_finetune(ctx: Context, request: FinetuneRequest) -> RunInfo:
    """Check everything, make the run, submit the job.

    Raises BadInputError for faults of the data, UsageError for parameters that the component has
    not, RemoteError when Azure refuses; no job is there and no run then.
    """
    from fmtui.azure.jobs import OUTPUT

    ready = prepare_finetune(ctx, request)
    spec = _spec("finetune", request.task, ready) | {
        "name": ready.name,
        "train": _part(ready.data.ref, request.columns),
        "validation": _part(request.validation, request.columns) if request.validation else None,
        "drop_invalid": request.drop_invalid,
        "settings": ready.settings,
        **({"group": request.group} if request.group else {}),
    }
    spec["azure"]["outputs"] = {OUTPUT: "mlflow_model_folder"}
    tags = tuple(check_tags(request.tags))
    return _create(ctx, "finetune", request.task, ready, spec, tags)


def prepare_evaluate(ctx: Context, request: EvaluateRequest) -> Prepared:
    """Look at everything. Raises what `start` raises."""
    from fmtui.azure import compute, jobs
    from fmtui.azure.connection import connect

    if request.settings:
        raise UsageError(
            f"{', '.join(request.settings)}: Azure ML measures a model as it was made, with no "
            "settings",
            hint="Leave --set out, or measure it here.",
        )
    options = request.where.azure_options(ctx)
    base = base_of(ctx, request.model, "evaluation")
    task = request.task or (base.info.task if base.info else None) or "text-classification"
    named = component_of(task)
    data = evaluate_data(ctx, request, task, named)
    connection = connect(ctx.home, dict(options.given))
    check_workspace(base, connection.settings)
    place = compute.place_of(
        connection, options.compute, options.instance_type, base.needs, base.ref
    )
    made = jobs.component(connection, EVALUATION)
    inputs = {
        "task": named.evaluation,
        "mlflow_model": base.inputs.get("mlflow_model_path"),
        "device": "gpu" if place.size.gpus else "auto",
        **data.inputs,
    }
    if inputs["mlflow_model"] is None:
        raise BadInputError(
            f"{base.ref} is no MLflow model in Azure ML, and only such are measured there",
            hint="Take a model of the catalogue or one that was finetuned there.",
        )
    where = {"compute_name": place.compute, "instance_type": place.size.name}
    inputs |= {key: value for key, value in where.items() if key in made.inputs}
    return Prepared("", EVALUATION, base, data, place, inputs, {}, options)


def start_evaluate(ctx: Context, request: EvaluateRequest) -> RunInfo:
    """Check everything, make the run, submit the job. Raises as `start_finetune`."""
    from fmtui.azure.jobs import RESULT

    ready = prepare_evaluate(ctx, request)
    part = _part(ready.data.ref, request.columns)
    task = request.task or (ready.base.info.task if ready.base.info else None)
    task = task or "text-classification"
    spec = _spec("evaluate", task, ready) | {"data": part, "method": "azureml"}
    spec["azure"]["outputs"] = {RESULT: "evaluation_result"}
    return _create(ctx, "evaluate", task, ready, spec)


def adopt(
    ctx: Context, job: str, *, task: str | None = None, given: Mapping[str, str | None]
) -> RunInfo:
    """Take in a job that was started elsewhere, by its name: it is followed from now on.

    Raises NotFoundError where there is no such job.
    """
    from fmtui.azure import jobs
    from fmtui.azure.connection import connect
    from fmtui.errors import ConflictError, NotFoundError

    kept = {key: value for key, value in given.items() if value}
    for info in runs.list_runs(ctx):
        if info.backend == "azureml" and runs.spec(ctx, info.run)["azure"]["job"] == job:
            raise ConflictError(f"the job {job} is {info.run} already")
    connection = connect(ctx.home, dict(kept))
    if (found := jobs.find(connection, job)) is None:
        raise NotFoundError(f"no job `{job}` in {connection.settings.workspace}")
    options = AzureOptions(given=azure.pinned(connection.settings, kept))
    asked = options.as_spec() | {"job": job, "adopted": True, "outputs": {}}
    said = str(getattr(found, "display_name", None) or job)
    name = models.suggest_name(f"/{said.replace('/', ' ')}")  # what it makes is called so
    spec: dict[str, Any] = {
        "kind": "finetune", "backend": "azureml", "task": task, "created": now(),
        "name": name,
        "model": {"ref": "azureml", "path": "", "origin": "azureml"}, "train": _part("azureml"),
        "validation": None, "labels": [], "settings": {}, "azure": asked,
    }  # fmt: skip
    row = NewRun("finetune", "azureml", task, name, "azureml", "azureml", None, None, now())
    return runs.create(ctx, row, spec)


def _chosen(request: FinetuneRequest, base: Base, rows: int | None = None) -> dict[str, Chosen]:
    """Every setting with its value, under the names that it has everywhere. Raises UsageError."""
    info = base.info
    return choose(
        request.settings,
        Situation(
            request.task,
            info.parameters if info else None,
            info.model_type if info else None,
            rows,
        ),
        metric=get_task(request.task).metrics[0],
        backend=AZURE,
        preset_name=request.preset,
        catalogue=base.defaults,
    )


def _warmup(request: FinetuneRequest, chosen: Mapping[str, Chosen], rows: int, gpus: int) -> int:
    """Steps in which the rate rises: the component knows no share of them."""
    if request.preset == COMPONENT or not rows:
        return 0
    each = (chosen[n].value for n in ("per_device_train_batch_size", "gradient_accumulation_steps"))
    epochs, most = float(chosen["num_train_epochs"].value), int(chosen["max_steps"].value)
    steps = most if most > 0 else ceil(rows / (prod(map(int, each)) * gpus)) * epochs
    return round(float(BY_NAME["warmup_ratio"].default) * steps)


def _accepted(
    parameters: Parameters, task: str, chosen: Mapping[str, Chosen], warmup: int
) -> dict[str, Any]:
    """The settings as the component takes them. Of what nobody asked for, what it does not take is
    left to its own default. Raises UsageError for what somebody gave."""
    values = {name: choice.value for name, choice in chosen.items()}
    given = {BY_NAME[n].azure_name for n, choice in chosen.items() if choice.source == "given"}
    found: dict[str, Any] = {}
    for name, value in component_inputs(task, values, warmup_steps=warmup).items():
        try:
            found |= parameters.check({name: written(value)})
        except UsageError:
            if name in given:
                raise
    return found


def _name(model: str, train: str) -> str:
    word = models.suggest_name(model if "/" in model or ":" in model else f"/{model}")
    if parse(model).source == "local":
        word = parse(model).name
    data = train.removeprefix("azureml:").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return f"{word}-{data.partition('.')[0]}"


def _part(ref: str, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    found = dict(columns or {})
    return {"ref": ref, "columns": found, "split": None, "path": "", "fingerprint": ""}


def _spec(kind: str, task: str | None, ready: Prepared) -> dict[str, Any]:
    base = ready.base
    return {
        "kind": kind,
        "backend": "azureml",
        "task": task,
        "created": now(),
        "model": {
            "ref": base.ref,
            "id": base.info.id if base.info else None,
            "path": "",
            "origin": base.info.origin if base.info else base.ref,
            "license": base.license,
        },
        "labels": list(ready.data.labels),
        "azure": ready.options.as_spec()
        | {
            "job": f"fmtui-{uuid.uuid4().hex[:16]}",
            "component": ready.component,
            "inputs": ready.inputs,
            "compute": ready.place.compute,
            "instance_type": ready.place.size.name,
        },
    }


def _create(
    ctx: Context,
    kind: str,
    task: str | None,
    ready: Prepared,
    spec: dict[str, Any],
    tags: tuple[str, ...] = (),
) -> RunInfo:
    return runs.create(
        ctx,
        NewRun(
            tags=tags,
            kind=kind,
            backend="azureml",
            task=task,
            name=ready.name or None,
            model=ready.base.ref,
            data=ready.data.ref,
            model_version_id=ready.base.info.id if ready.base.info else None,
            dataset_version_id=ready.data.dataset_id,
            created=spec["created"],
        ),
        spec,
        files=ready.data.files,
    )
