"""Managed online endpoints: what the service has, and the long-running operations on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from fmtui.azure.code import Code, staged
from fmtui.azure.connection import CONNECT_SECONDS, Connection
from fmtui.azure.errors import translated
from fmtui.errors import NotFoundError

STATES = {
    "Creating": "creating",
    "Updating": "updating",
    "Scaling": "updating",
    "Succeeded": "healthy",
    "Failed": "failed",
    "Canceled": "failed",
    "Deleting": "deleting",
}
"""Azure's provisioning states, and what we call them."""

CONTAINERS = ("inference-server", "storage-initializer")
_LIVENESS_SECONDS = 600
_REQUEST_MS = 90_000

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Deployed:
    """A deployment as the service shows it. `traffic` and `mirror` are percents."""

    name: str
    model: str
    state: str
    instance_type: str
    instance_count: int
    traffic: int = 0
    mirror: int = 0


@dataclass(frozen=True)
class Online:
    """An endpoint as the service shows it."""

    name: str
    state: str
    address: str
    auth: str
    created: str
    tags: Mapping[str, str] = field(default_factory=dict)
    deployments: tuple[Deployed, ...] = ()


def listed(connection: Connection) -> list[Online]:
    """The endpoints of the workspace, without their deployments. Raises RemoteError."""
    with translated("list the endpoints"):
        return [_online(found, ()) for found in connection.workspace.online_endpoints.list()]


def look(connection: Connection, name: str) -> Online | None:
    """One endpoint with its deployments, None where there is none. Raises RemoteError."""
    client = connection.workspace
    try:
        with translated(f"look at the endpoint {name}"):
            found = client.online_endpoints.get(name)
            deployments = list(client.online_deployments.list(name))
    except NotFoundError:
        return None
    return _online(found, deployments)


def _online(found: Any, deployments: Any) -> Online:
    traffic, mirror = found.traffic or {}, found.mirror_traffic or {}
    context = getattr(found, "_creation_context", None) or getattr(found, "creation_context", None)
    created = getattr(context, "created_at", None)
    return endpoint_of(
        found,
        [
            deployment_of(
                d, str(d.instance_type or ""), int(d.instance_count or 0),
                int(traffic.get(d.name) or 0), int(mirror.get(d.name) or 0),
            )
            for d in deployments
        ],
        created=str(created or ""),
    )  # fmt: skip


def endpoint_of(found: Any, deployments: Iterable[Deployed], *, created: str = "") -> Online:
    """An endpoint of the SDK, online or batch, in our words."""
    return Online(
        str(found.name),
        STATES.get(word_of(found.provisioning_state), "updating"),
        str(found.scoring_uri or ""),
        str(found.auth_mode),
        created,
        dict(found.tags or {}),
        tuple(deployments),
    )


def deployment_of(
    found: Any, instance_type: str, instance_count: int, traffic: int, mirror: int = 0
) -> Deployed:
    """A deployment of the SDK, online or batch, in our words."""
    return Deployed(
        str(found.name),
        short_model(str(found.model or "")),
        STATES.get(word_of(found.provisioning_state), "updating"),
        instance_type,
        instance_count,
        traffic,
        mirror,
    )


def value_of(found: Any) -> str:
    """A value of the SDK's as text, of an enumeration its value; empty where there is none."""
    return str(getattr(found, "value", found) or "")


def word_of(state: Any) -> str:
    """A state of Azure with its first letter large, whatever the SDK made of it."""
    return value_of(state).capitalize()


def short_model(text: str) -> str:
    """A model's id as a reference: `azureml:N@V` of the registry, `N:V` of the workspace."""
    parts = text.strip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "versions":
        name, version = parts[-3], parts[-1]
        if "/registries/azureml/" in text:
            return f"azureml:{name}@{version}"
        return text if "/registries/" in text else f"{name}:{version}"
    return text.removeprefix("azureml:")


def create(
    connection: Connection, name: str, auth: str, tags: Mapping[str, str], tell: Tell
) -> None:
    """Create an endpoint and wait until it is there. Raises what the service refuses."""
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    with translated(f"create the endpoint {name}"):
        poller = connection.workspace.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name, auth_mode=auth, tags=dict(tags))
        )
        wait(poller, f"Azure creates the endpoint {name}", tell)


def deploy(
    connection: Connection,
    endpoint: str,
    name: str,
    model: str,
    instance_type: str,
    instance_count: int,
    *,
    code: Code | None = None,
    environment: str | None = None,
    tags: Mapping[str, str],
    tell: Tell,
) -> None:
    """Create or replace a deployment and wait until it answers.

    Args:
        model: An address in a registry, or `azureml:NAME:VERSION` of the workspace.
        code: A scoring script of one's own, with what goes with it; `environment` is needed.

    Raises what the service refuses, or the deployment fails of.
    """
    from azure.ai.ml.entities import (
        CodeConfiguration,
        ManagedOnlineDeployment,
        OnlineRequestSettings,
        ProbeSettings,
    )

    with ExitStack() as stack:
        uploaded = None
        if code is not None:
            place = stack.enter_context(staged(code))
            uploaded = CodeConfiguration(code=str(place), scoring_script=code.script)
        stack.enter_context(translated(f"deploy {endpoint}/{name}"))
        poller = connection.workspace.online_deployments.begin_create_or_update(
            ManagedOnlineDeployment(
                name=name,
                endpoint_name=endpoint,
                model=model,
                instance_type=instance_type,
                instance_count=instance_count,
                code_configuration=uploaded,
                environment=environment,
                # A large model loads for minutes before it answers a probe.
                liveness_probe=ProbeSettings(initial_delay=_LIVENESS_SECONDS),
                request_settings=OnlineRequestSettings(request_timeout_ms=_REQUEST_MS),
                tags=dict(tags),
            )
        )
        wait(poller, f"Azure brings up {endpoint}/{name} on {instance_type}", tell)


def share(
    connection: Connection,
    name: str,
    traffic: Mapping[str, int],
    mirror: Mapping[str, int],
    tell: Tell,
) -> None:
    """Set the shares of traffic and of mirrored traffic, in percent. Raises RemoteError."""
    client = connection.workspace.online_endpoints
    with translated(f"share the traffic of {name}"):
        endpoint = client.get(name)
        endpoint.traffic, endpoint.mirror_traffic = dict(traffic), dict(mirror)
        wait(client.begin_create_or_update(endpoint), f"Azure shares the traffic of {name}", tell)


def scale(connection: Connection, endpoint: str, name: str, count: int, tell: Tell) -> None:
    """Set the number of a deployment's instances. Raises RemoteError."""
    client = connection.workspace.online_deployments
    with translated(f"scale {endpoint}/{name}"):
        deployment = client.get(name, endpoint)
        deployment.instance_count = count
        wait(client.begin_create_or_update(deployment), f"Azure scales {endpoint}/{name}", tell)


def delete(connection: Connection, name: str, tell: Tell) -> None:
    """Delete an endpoint with all that is deployed on it. Raises RemoteError."""
    with translated(f"delete the endpoint {name}"):
        poller = connection.workspace.online_endpoints.begin_delete(name)
        wait(poller, f"Azure deletes the endpoint {name}", tell)


def delete_deployment(connection: Connection, endpoint: str, name: str, tell: Tell) -> None:
    """Delete a deployment. Raises RemoteError."""
    with translated(f"delete {endpoint}/{name}"):
        poller = connection.workspace.online_deployments.begin_delete(name, endpoint)
        wait(poller, f"Azure deletes {endpoint}/{name}", tell)


def logs(connection: Connection, endpoint: str, name: str, lines: int, container: str) -> str:
    """The last lines of one of a deployment's two containers. Raises RemoteError."""
    with translated(f"read the log of {endpoint}/{name}"):
        found = connection.workspace.online_deployments.get_logs(
            name, endpoint, lines, container_type=container
        )
    return str(found or "")


def keys(connection: Connection, name: str) -> tuple[str, str]:
    """The two keys, or twice the token of an endpoint that has tokens. Raises RemoteError."""
    with translated(f"read the keys of {name}"):
        found = connection.workspace.online_endpoints.get_keys(name)
    token = getattr(found, "access_token", None)
    if token is not None:
        return str(token), str(token)
    return str(found.primary_key or ""), str(found.secondary_key or "")


def regenerate(connection: Connection, name: str, which: str, tell: Tell) -> None:
    """Replace one key. Raises RemoteError."""
    with translated(f"replace a key of {name}"):
        poller = connection.workspace.online_endpoints.begin_regenerate_keys(name, key_type=which)
        wait(poller, f"Azure makes a new {which} key", tell)


def score(
    address: str, body: bytes, key: str, deployment: str | None, seconds: float
) -> tuple[int, str, str | None]:
    """Send a request; status, body and the deployment that answered. Raises RemoteError."""
    import requests

    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if deployment is not None:
        headers["azureml-model-deployment"] = deployment
    with translated("ask the endpoint"):
        answer = requests.post(
            address, data=body, headers=headers, timeout=(CONNECT_SECONDS, seconds)
        )
    return answer.status_code, answer.text, answer.headers.get("azureml-model-deployment")


def wait(poller: Any, words: str, tell: Tell) -> None:
    """Wait for a long-running operation, and say now and then that it goes on.

    An interrupt ends the waiting, not the operation.
    """
    began, told = time.monotonic(), 0.0
    while not poller.done():
        poller.wait(0.2)
        passed = time.monotonic() - began
        if passed - told > 5 or not told:
            told = max(passed, 0.001)
            tell(f"{words} ({passed:.0f} s, {_spaced(str(poller.status()))})")
    poller.result()


def _spaced(status: str) -> str:
    """A status of Azure as words: `in progress` for InProgress."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status).lower()
