"""Finetuning and evaluation on Azure ML: looked at here, written down as a run, handed over."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
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
from fmtui.services._azure_models import Base, base_of
from fmtui.services.context import Context
from registry.database import now
from registry.labels import check_tags
from registry.references import check_name, parse
from registry.runs import NewRun
from registry.views import RunInfo

if TYPE_CHECKING:
    from fmtui.azure.compute import Place
    from fmtui.services.evaluate import EvaluateRequest
    from fmtui.services.finetune import FinetuneRequest

_FRACTION = "validation_fraction"


@dataclass(frozen=True)
class Prepared:
    """A request that holds: everything was looked at, nothing was written or begun."""

    name: str
    component: str
    base: Base
    data: Data
    place: Place
    inputs: dict[str, Any]
    settings: dict[str, Any]
    options: AzureOptions

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
    given = dict(request.settings)
    fraction = _fraction(given.pop(_FRACTION, "0.1"))
    seed = given.get("seed", "42")
    data = finetune_data(ctx, request, named, fraction, int(seed) if seed.isdigit() else 42)
    name = check_name(request.name or _name(base.ref, request.train), "model")
    connection = connect(ctx.home, dict(options.given))
    made = jobs.component(connection, named.finetune)
    parameters = jobs.parameters(made)
    settings = parameters.check(_settings(parameters, base.defaults, given))
    place = compute.place_of(
        connection, options.compute, options.instance_type, base.needs, base.ref
    )
    where: dict[str, Any] = {f"compute_{part}": place.compute for part in PARTS}
    if place.compute == SERVERLESS:
        where |= {f"instance_type_{part}": place.size.name for part in PARTS}
    if place.size.gpus:
        where["number_of_gpu_to_use_finetuning"] = place.size.gpus
    inputs = base.inputs | data.inputs | {k: v for k, v in where.items() if k in made.inputs}
    return Prepared(name, named.finetune, base, data, place, inputs | settings, settings, options)


def start_finetune(ctx: Context, request: FinetuneRequest) -> RunInfo:
    """Check everything, make the run, submit the job.

    Raises BadInputError for faults of the data, UsageError for parameters that the component has
    not, RemoteError when Azure refuses; no job is there and no run then.
    """
    from fmtui.azure.jobs import OUTPUT

    ready = prepare_finetune(ctx, request)
    part = _part(ready.data.ref)
    spec = _spec("finetune", request.task, ready) | {
        "name": ready.name,
        "train": part,
        "validation": None,
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

    options = request.where.azure_options(ctx)
    base = base_of(ctx, request.model, "evaluation")
    task = request.task or (base.info.task if base.info else None) or "text-classification"
    named = component_of(task)
    data = evaluate_data(ctx, request, task, named)
    connection = connect(ctx.home, dict(options.given))
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
    part = _part(ready.data.ref)
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
    name = str(getattr(found, "display_name", None) or job)
    spec: dict[str, Any] = {
        "kind": "finetune", "backend": "azureml", "task": task, "created": now(),
        "name": name,
        "model": {"ref": "azureml", "path": "", "origin": "azureml"}, "train": _part("azureml"),
        "validation": None, "labels": [], "settings": {}, "azure": asked,
    }  # fmt: skip
    row = NewRun("finetune", "azureml", task, name, "azureml", "azureml", None, None, now())
    return runs.create(ctx, row, spec)


def _settings(
    parameters: Parameters, defaults: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """The publisher's defaults, and above them what a person gave."""
    values = parameters.known(defaults) | dict(given)
    if values.get("precision") == "auto":
        del values["precision"]
    patience = values.get("early_stopping_patience", "0")
    if patience.isdigit() and int(patience) > 0 and "apply_early_stopping" in parameters.declared:
        values.setdefault("apply_early_stopping", "true")
    elif patience == "0":
        values.pop("early_stopping_patience", None)
    return values


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.9:
        raise UsageError(f"{_FRACTION}={text}: expected a number from 0 to 0.9")
    return value


def _name(model: str, train: str) -> str:
    word = models.suggest_name(model if "/" in model or ":" in model else f"/{model}")
    if parse(model).source == "local":
        word = parse(model).name
    data = train.removeprefix("azureml:").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return f"{word}-{data.partition('.')[0]}"


def _part(ref: str) -> dict[str, Any]:
    return {"ref": ref, "columns": {}, "split": None, "path": "", "fingerprint": ""}


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
