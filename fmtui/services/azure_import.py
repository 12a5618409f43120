"""Import of a hub's model into Azure ML: by the published component, followed as a run."""

from __future__ import annotations

import shlex
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fmtui.azure.components import IMPORT
from fmtui.azure.options import SERVERLESS, AzureOptions
from fmtui.errors import UsageError
from fmtui.services import models, runs
from fmtui.services.context import Context
from fmtui.services.where import Where
from registry.database import now
from registry.references import check_name, parse
from registry.runs import NewRun
from registry.views import RunInfo

if TYPE_CHECKING:
    from fmtui.azure.compute import Place


@dataclass(frozen=True)
class Prepared:
    """An import that can be begun: what it is called in the workspace, and what it takes."""

    ref: str
    name: str
    task: str | None
    workspace: str
    place: Place
    inputs: dict[str, Any]
    options: AzureOptions

    @property
    def question(self) -> str:
        """What is asked before it is begun."""
        return f"Import {self.ref} into {self.workspace} as {self.name}?"

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        return f"{self.place.cost()} while it runs"


def prepare(
    ctx: Context,
    ref: str,
    *,
    name: str | None = None,
    task: str | None = None,
    where: Where | None = None,
) -> Prepared:
    """Look at everything; nothing is begun.

    Args:
        ref: hf:ORG/NAME. The component takes what is newest, so that no revision can be said.
        task: What the model does, in the hub's words; the model's own card says it where left out.

    Raises UsageError for another kind of reference or a task that the component has not,
    NotFoundError for compute that is not there, RemoteError.
    """
    from fmtui.azure import compute, jobs
    from fmtui.azure.connection import connect

    wanted = parse(ref)
    if wanted.source != "hf":
        raise UsageError(
            f"{ref} is no model of the hub, and Azure ML imports only such",
            hint="Say hf:ORG/NAME. A model of its own catalogue needs no import there.",
        )
    if wanted.version is not None:
        raise UsageError(
            f"{IMPORT} takes the newest revision, not {wanted.version}",
            hint=f"Leave it out: hf:{wanted.name}.",
        )
    chosen = check_name(name or models.suggest_name(ref), "model")
    options = (where or Where(backend="azureml")).azure_options(ctx)
    connection = connect(ctx.home, dict(options.given))
    made = jobs.component(connection, IMPORT)
    given = {"model_id": wanted.name, "custom_model_name": chosen}
    inputs = jobs.parameters(made).check(given | ({"task_name": task} if task else {}))
    usual = getattr(made.inputs["instance_type"], "default", None)
    needs = {"recommended": [str(usual)]} if usual else {}
    place = compute.place_of(connection, options.compute, options.instance_type, needs, ref)
    inputs["compute"] = place.compute
    if place.compute == SERVERLESS:
        inputs["instance_type"] = place.size.name
    workspace = str(connection.settings.workspace)
    return Prepared(ref, chosen, task, workspace, place, inputs, options)


def command(
    ref: str, *, name: str | None = None, task: str | None = None, where: Where | None = None
) -> str:
    """The line that does what `prepare` and `start` would, and asks nothing."""
    words = ["fmtui", "model", "import", ref, *(where or Where(backend="azureml")).words()]
    words += ["--name", name] if name else []
    words += ["--task", task] if task else []
    return shlex.join([*words, "--yes"])


def tasks(ctx: Context) -> list[str]:
    """What the component knows that a model can do. Raises RemoteError."""
    from fmtui.azure import jobs
    from fmtui.azure.connection import connect

    made = jobs.component(connect(ctx.home, {}), IMPORT)
    return jobs.parameters(made).choices("task_name")


def start(ctx: Context, ready: Prepared) -> RunInfo:
    """Submit the job; the model is registered in the workspace and here when it has ended.

    Raises RemoteError when Azure refuses; no job is there and no run then.
    """
    asked = ready.options.as_spec() | {
        "job": f"fmtui-{uuid.uuid4().hex[:16]}",
        "component": IMPORT,
        "inputs": ready.inputs,
        "outputs": {"registered": "model_registration_details"},
        "compute": ready.place.compute,
        "instance_type": ready.place.size.name,
    }
    spec: dict[str, Any] = {
        "kind": "import", "backend": "azureml", "task": ready.task, "created": now(),
        "name": ready.name,
        "model": {"ref": ready.ref, "path": "", "origin": ready.ref, "license": None},
        "data": {"ref": ready.workspace, "columns": {}, "split": None, "path": "",
                 "fingerprint": ""},
        "labels": [], "azure": asked,
    }  # fmt: skip
    row = NewRun(
        "import", "azureml", ready.task, ready.name, ready.ref, ready.workspace, None, None,
        spec["created"],
    )  # fmt: skip
    return runs.create(ctx, row, spec)
