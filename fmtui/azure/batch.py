"""Batch endpoints: what the service has, the operations on it, and a job over a file.

The same verbs as those of `fmtui.azure.endpoints`. A batch endpoint has one default deployment,
which takes what names none: it is shown as 100% of the traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.endpoints import Online, Tell, deployment_of, endpoint_of, wait
from fmtui.azure.errors import translated
from fmtui.errors import NotFoundError

OUTPUT = "score"
"""The output of a batch job that holds the answers."""

MINI_BATCH = 10
_RETRIES = 3
_RETRY_SECONDS = 300


def listed(connection: Connection) -> list[Online]:
    """The batch endpoints of the workspace, without their deployments. Raises RemoteError."""
    with translated("list the batch endpoints"):
        return [_online(found, ()) for found in connection.workspace.batch_endpoints.list()]


def look(connection: Connection, name: str) -> Online | None:
    """One endpoint with its deployments, None where there is none. Raises RemoteError."""
    client = connection.workspace
    try:
        with translated(f"look at the batch endpoint {name}"):
            found = client.batch_endpoints.get(name)
            deployments = list(client.batch_deployments.list(name))
    except NotFoundError:
        return None
    return _online(found, deployments)


def _online(found: Any, deployments: Any) -> Online:
    default = _default(found)
    return endpoint_of(
        found,
        [
            deployment_of(
                d, str(d.compute or "").rpartition("/")[2],
                int(getattr(d.resources, "instance_count", None) or 1),
                100 if d.name == default else 0,
            )
            for d in deployments
        ],
    )  # fmt: skip


def _default(found: Any) -> str | None:
    defaults = found.defaults or {}
    if isinstance(defaults, Mapping):
        return defaults.get("deployment_name") or defaults.get("deploymentName")
    return getattr(defaults, "deployment_name", None)


def create(
    connection: Connection, name: str, auth: str, tags: Mapping[str, str], tell: Tell
) -> None:
    """Create an endpoint and wait until it is there; `auth` is aad_token, there is no other way.

    Raises what the service refuses.
    """
    from azure.ai.ml.entities import BatchEndpoint

    with translated(f"create the batch endpoint {name}"):
        poller = connection.workspace.batch_endpoints.begin_create_or_update(
            BatchEndpoint(name=name, auth_mode=auth, tags=dict(tags))
        )
        wait(poller, f"Azure creates the batch endpoint {name}", tell)


def deploy(
    connection: Connection,
    endpoint: str,
    name: str,
    model: str,
    compute: str,
    instance_count: int,
    *,
    mini_batch_size: int | None = None,
    concurrency: int | None = None,
    tags: Mapping[str, str],
    tell: Tell,
) -> None:
    """Create or replace a deployment: a model, and the cluster on which its jobs run.

    Args:
        mini_batch_size: How many files a call of the model is given; None: 10.
        concurrency: How many calls there are at once on an instance; None: as the service does.

    Raises what the service refuses, or the deployment fails of.
    """
    from azure.ai.ml.entities import (
        BatchRetrySettings,
        ModelBatchDeployment,
        ModelBatchDeploymentSettings,
    )

    with translated(f"deploy {endpoint}/{name}"):
        poller = connection.workspace.batch_deployments.begin_create_or_update(
            ModelBatchDeployment(
                name=name,
                endpoint_name=endpoint,
                model=model,
                compute=compute,
                settings=ModelBatchDeploymentSettings(
                    instance_count=instance_count,
                    mini_batch_size=mini_batch_size or MINI_BATCH,
                    max_concurrency_per_instance=concurrency,
                    output_action="append_row",
                    output_file_name="predictions.csv",
                    retry_settings=BatchRetrySettings(max_retries=_RETRIES, timeout=_RETRY_SECONDS),
                ),
                tags=dict(tags),
            )
        )
        wait(poller, f"Azure deploys {endpoint}/{name}", tell)


def share(
    connection: Connection,
    name: str,
    traffic: Mapping[str, int],
    mirror: Mapping[str, int],
    tell: Tell,
) -> None:
    """Make the deployment with 100% of `traffic` the default one. Raises RemoteError."""
    client = connection.workspace.batch_endpoints
    with translated(f"set the default deployment of {name}"):
        endpoint = client.get(name)
        chosen = next((n for n, percent in traffic.items() if percent == 100), None)
        endpoint.defaults = {"deployment_name": chosen} if chosen else None
        wait(client.begin_create_or_update(endpoint), f"Azure sets the default of {name}", tell)


def delete(connection: Connection, name: str, tell: Tell) -> None:
    """Delete an endpoint with all that is deployed on it. Raises RemoteError."""
    with translated(f"delete the batch endpoint {name}"):
        poller = connection.workspace.batch_endpoints.begin_delete(name)
        wait(poller, f"Azure deletes the batch endpoint {name}", tell)


def delete_deployment(connection: Connection, endpoint: str, name: str, tell: Tell) -> None:
    """Delete a deployment. Raises RemoteError."""
    with translated(f"delete {endpoint}/{name}"):
        poller = connection.workspace.batch_deployments.begin_delete(name, endpoint)
        wait(poller, f"Azure deletes {endpoint}/{name}", tell)


def invoke(
    connection: Connection,
    endpoint: str,
    deployment: str | None,
    data: tuple[str, str],
    *,
    job: str,
    experiment: str,
) -> None:
    """Start a job over a file or folder under a name of our own.

    Args:
        data: `uri_file` or `uri_folder`, and a local path, which is uploaded, or a data asset.

    Raises what the service refuses.
    """
    from azure.ai.ml import Input

    kind, path = data
    local = Path(path)
    with translated(f"start a job of {endpoint}"):
        connection.workspace.batch_endpoints.invoke(
            endpoint_name=endpoint,
            deployment_name=deployment,
            input=Input(type=kind, path=str(local.resolve()) if local.exists() else path),
            job_name=job,
            experiment_name=experiment,
        )
