"""Asking an endpoint in Azure, its keys and its logs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fmtui.errors import ConflictError, FmtuiError, NotFoundError
from fmtui.runs.process import write_bytes
from fmtui.services._azure_endpoints import (
    connection_of,
    file_of,
    kind_of,
    last_seen,
    only,
    verbs_of,
)
from fmtui.services.context import Context
from fmtui.serving.client import InvokeResult
from fmtui.serving.keys import EndpointKeys, Which
from fmtui.serving.samples import sample_of
from registry.references import unknown
from registry.remote import remote_of

if TYPE_CHECKING:
    from fmtui.azure.endpoints import Online


def look_up(ctx: Context, name: str) -> Online:
    found: Online | None = verbs_of(ctx, name).look(connection_of(ctx, name), name)
    if found is None:
        raise NotFoundError(
            f"the workspace has no endpoint `{name}` (any more)",
            hint=f"`fmtui endpoint delete {name}` forgets it here.",
        )
    return found


def invoke(
    ctx: Context,
    name: str,
    body: str | bytes,
    *,
    deployment: str | None = None,
    key: str | None = None,
    timeout: float = 120.0,
) -> InvokeResult:
    """Send one scoring request, and return what was answered, errors of the endpoint included.

    Raises RemoteError when nothing answers.
    """
    from fmtui.azure import endpoints, serverless

    only(ctx, name, ("online", "serverless"), "answer at once")
    found = look_up(ctx, name)
    secret = keys(ctx, name).primary if key is None else key
    content = body.encode() if isinstance(body, str) else body
    began = time.perf_counter()
    address = found.address
    if kind_of(ctx, name) == "serverless":
        deployment, address = None, address.rstrip("/") + serverless.ROUTE
    status, text, answered = endpoints.score(address, content, secret, deployment, timeout)
    return InvokeResult(status, text, (time.perf_counter() - began) * 1000, answered)


def keys(ctx: Context, name: str) -> EndpointKeys:
    """The two keys; the token twice where the endpoint has tokens. They are kept nowhere."""
    only(ctx, name, ("online", "serverless"), "keys, it is opened by signing in")
    return EndpointKeys(*verbs_of(ctx, name).keys(connection_of(ctx, name), name))


def regenerate(ctx: Context, name: str, which: Which) -> EndpointKeys:
    """Replace one key; the old one is refused from now on."""
    only(ctx, name, ("online", "serverless"), "keys, it is opened by signing in")
    verbs_of(ctx, name).regenerate(connection_of(ctx, name), name, which, lambda _: None)
    return keys(ctx, name)


def logs(
    ctx: Context, name: str, *, deployment: str | None = None, container: str, lines: int = 200
) -> str:
    """The last lines of a deployment's container. Raises NotFoundError, RemoteError."""
    from fmtui.azure import endpoints

    only(ctx, name, ("online",), "log of its own")
    found = look_up(ctx, name).deployments
    if not found:
        raise NotFoundError(f"nothing is deployed on `{name}`, so there is no log")
    chosen = deployment or max(found, key=lambda d: d.traffic).name
    if chosen not in [d.name for d in found]:
        raise unknown("deployment", chosen, [d.name for d in found])
    return endpoints.logs(connection_of(ctx, name), name, chosen, lines, container)


def log_file(ctx: Context, name: str) -> Path:
    """Where `log_path` writes; Azure is not asked."""
    return file_of(ctx, name).with_suffix(".log")


def log_path(ctx: Context, name: str) -> Path:
    """A file with the last lines of the main deployment's containers, read from Azure just now: of
    the one that brings the model first, then of the server.

    It is replaced where it has changed, so that who reads it sees the old lines or the new ones.
    """
    from fmtui.azure.endpoints import CONTAINERS

    path = log_file(ctx, name)
    parts = []
    for container in reversed(CONTAINERS):
        try:
            lines = logs(ctx, name, container=container, lines=2000).rstrip("\n")
        except (NotFoundError, ConflictError) as error:
            lines = str(error)
        parts.append(f"── {container} ──\n{lines}\n")
    text = "\n".join(parts)
    if not path.exists() or path.read_bytes() != text.encode():
        write_bytes(path, text.encode())
    return path


def sample_request(ctx: Context, name: str) -> str:
    """A request that the endpoint's main deployment would answer, as indented JSON."""
    only(ctx, name, ("online", "serverless"), "answer at once")
    info = last_seen(ctx, name)
    if info.kind == "serverless":
        return sample_of("chat-completion")
    if not info.deployments:
        return sample_of(None)
    model = max(info.deployments, key=lambda d: d.traffic).model
    return sample_of(_task_of(ctx, model), model)


def _task_of(ctx: Context, model: str) -> str | None:
    from fmtui.services import catalog, models

    with suppress(FmtuiError):
        if not model.startswith("azureml:"):
            for info in models.list_models(ctx):
                where = remote_of(info)
                if where and f"{where['name']}:{where['version']}" == model:
                    return info.task
            return None
        entry = catalog.show(ctx, model.partition("@")[0])
        return next(iter(entry.tasks or entry.finetune_tasks), None)
    return None
