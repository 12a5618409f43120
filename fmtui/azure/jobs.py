"""Pipeline jobs: made of a published component, submitted once, canceled, and what they made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmtui.azure.components import REGISTRY, Parameters
from fmtui.azure.connection import Connection
from fmtui.azure.endpoints import value_of
from fmtui.azure.errors import translated
from fmtui.errors import NotFoundError

STATES = {
    "NotStarted": "queued",
    "Queued": "queued",
    "Paused": "queued",
    "Scheduled": "queued",
    "Preparing": "starting",
    "Provisioning": "starting",
    "Starting": "starting",
    "Running": "running",
    "Finalizing": "finalizing",
    "CancelRequested": "finalizing",
    "Completed": "completed",
    "Failed": "failed",
    "Canceled": "canceled",
    "NotResponding": "not_responding",
}
"""Azure ML's states, and what we call them."""

_STATES = {azure.lower(): ours for azure, ours in STATES.items()}

OUTPUT = "trained_model"
RESULT = "evaluation_result"


def state_of(status: str, before: str) -> str:
    """What we call a state of Azure's, which may come in any case; `before`, the state until now,
    for one that says nothing (`Unknown`) or is not known here."""
    return _STATES.get(status.lower(), before)


def status_of(job: Any) -> str:
    """A job's state as Azure says it, empty where it says none."""
    return value_of(getattr(job, "status", None))


def component(connection: Connection, name: str) -> Any:
    """The newest version of a published component. Raises RemoteError, NotFoundError."""
    client = connection.registry(REGISTRY)
    with translated(f"read the component {name}"):
        return client.components.get(name, label="latest")


def parameters(made: Any) -> Parameters:
    """The inputs that a component declares."""
    return Parameters(str(made.name), dict(made.inputs))


def submit(
    connection: Connection,
    name: str,
    made: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, str],
    *,
    experiment: str,
    display_name: str,
    tags: Mapping[str, str],
) -> str:
    """Submit a pipeline of one component under a name of our own; returns its page in the studio.

    Submitting the same name again makes no second job: the one that is there is returned.

    Args:
        inputs: Values, or assets as a tuple (type, path); a path that is local is uploaded.
        outputs: The pipeline's outputs to the component's.

    Raises RemoteError, BadInputError when the service refuses; no job is there then.
    """
    known = find(connection, name)
    if known is not None:
        return studio(known)
    from azure.ai.ml import Input, dsl

    given = {
        key: Input(type=value[0], path=str(value[1])) if isinstance(value, tuple) else value
        for key, value in inputs.items()
    }

    @dsl.pipeline(name=display_name, display_name=display_name)  # type: ignore[untyped-decorator]
    def pipeline() -> Any:
        node = made(**given)
        return {ours: getattr(node.outputs, theirs) for ours, theirs in outputs.items()}

    with translated("submit the job"):
        job = pipeline()
        job.name = name
        job.settings.force_rerun = False
        submitted = connection.workspace.jobs.create_or_update(
            job, experiment_name=experiment, tags=dict(tags)
        )
    return studio(submitted)


def find(connection: Connection, name: str) -> Any | None:
    """A job by its name, None where there is none. Raises RemoteError."""
    try:
        with translated(f"look for the job {name}"):
            return connection.workspace.jobs.get(name)
    except NotFoundError:
        return None


def studio(job: Any) -> str:
    """A job's page in the studio, empty where it has none."""
    services = getattr(job, "services", None) or {}
    return str(getattr(services.get("Studio"), "endpoint", "") or "")


def cancel(connection: Connection, name: str) -> None:
    """Ask for a job's end; one that has ended is let be. Raises RemoteError."""
    from azure.core.exceptions import HttpResponseError

    with translated(f"cancel the job {name}"):
        try:
            connection.workspace.jobs.begin_cancel(name)
        except HttpResponseError as error:
            if error.status_code != 409:
                raise


def model_output(connection: Connection, job: str) -> str | None:
    """The output of a job that is a model, by its name there: ours, else the first of MLflow's.
    None where it has none. Raises RemoteError.
    """
    outputs = dict(getattr(find(connection, job), "outputs", None) or {})
    if OUTPUT in outputs:
        return OUTPUT
    models = (n for n, o in outputs.items() if value_of(getattr(o, "type", "")) == "mlflow_model")
    return next(models, None)


def register(
    connection: Connection,
    job: str,
    name: str,
    *,
    tags: Mapping[str, str],
    description: str,
    output: str = OUTPUT,
) -> tuple[str, str]:
    """Register a job's model in the workspace, once; returns its name and version.

    Raises RemoteError.
    """
    from azure.ai.ml.entities import Model

    client = connection.workspace
    with translated(f"register the model {name}"):
        try:
            for known in client.models.list(name=name, list_view_type="ActiveOnly"):
                if (known.tags or {}).get("fmtui.job") == job:
                    return str(known.name), str(known.version)
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
        made = client.models.create_or_update(
            Model(
                name=name,
                path=f"azureml://jobs/{job}/outputs/{output}",
                type="mlflow_model",
                description=description,
                tags={"fmtui.job": job, **tags},
            )
        )
    return str(made.name), str(made.version)


def download(connection: Connection, job: str, output: str, folder: Path) -> Path:
    """Fetch an output of a job; returns the folder that holds it. Raises RemoteError."""
    with translated(f"download the output {output}"):
        connection.workspace.jobs.download(job, download_path=str(folder), output_name=output)
    return folder / "named-outputs" / output
