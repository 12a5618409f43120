"""Endpoints in Azure ML, with the same verbs as those of this machine.

The service is the truth. What is kept here, a file an endpoint, is which workspace it lies in,
what it was when it was last seen, and what was begun on it: written before Azure is asked and
cleared when that is done, so that after a kill the next look finds it and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from fmtui.errors import ConflictError, FmtuiError, UsageError
from fmtui.services import azure
from fmtui.services._azure_access import (
    invoke,
    keys,
    log_path,
    logs,
    regenerate,
    sample_request,
)
from fmtui.services._azure_code import plan_code
from fmtui.services._azure_deployments import (
    address_of,
    delete_deployment,
    deploy,
    deploy_command,
    plan_deploy,
    scale,
    traffic,
)
from fmtui.services._azure_endpoints import (
    Pending,
    connection_of,
    file_of,
    is_batch,
    last_seen,
    names,
    owns,
    record_of,
    unfinished,
    verbs_of,
    write,
)
from fmtui.services._azure_look import forget, list_endpoints, show
from fmtui.services.context import Context
from registry.database import now
from registry.references import check_name
from registry.views import EndpointInfo

__all__ = [
    "CONTAINERS",
    "create",
    "delete",
    "delete_deployment",
    "deploy",
    "deploy_command",
    "invoke",
    "is_batch",
    "keys",
    "last_seen",
    "list_endpoints",
    "log_path",
    "logs",
    "names",
    "owns",
    "plan_code",
    "plan_deploy",
    "regenerate",
    "sample_request",
    "scale",
    "show",
    "start",
    "stop",
    "traffic",
    "unfinished",
]

CONTAINERS = ("inference-server", "storage-initializer")
Progress = Callable[[str], None]
AUTH = ("key", "aml_token", "aad_token")


def create(
    ctx: Context,
    name: str,
    *,
    kind: str = "online",
    model: str | None = None,
    auth: str | None = None,
    given: Mapping[str, str | None] | None = None,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Make an endpoint in the workspace. It costs nothing until something is deployed or asked.

    Args:
        kind: online, which answers requests; batch, which answers files by jobs; serverless, for
            the one `model` that is named, which its publisher runs, paid for by token.
        auth: One of `AUTH`; key where left out. A batch endpoint has aad_token alone.

    Raises ConflictError when the name is taken, RemoteError when Azure refuses.
    """
    from fmtui.azure import batch, endpoints, serverless
    from fmtui.azure.connection import connect

    check_name(name, "endpoint")
    verbs: Any = {"batch": batch, "serverless": serverless}.get(kind, endpoints)
    ways = {"batch": AUTH[-1:], "serverless": AUTH[:1]}.get(kind, AUTH)
    if (model is not None) != (kind == "serverless"):
        raise UsageError(
            "a serverless endpoint is made for a model, and no other kind is",
            hint="--kind serverless --model azureml:NAME",
        )
    auth = auth or ways[0]
    if auth not in ways:
        raise UsageError(f"--auth {auth}: no such way", hint=f"One of {', '.join(ways)}.")
    if owns(ctx, name):
        raise ConflictError(f"endpoint `{name}` exists", hint="Choose another name.")
    said = {key: value for key, value in (given or {}).items() if value}
    connection = connect(ctx.home, dict(said))
    if verbs.look(connection, name) is not None:
        raise ConflictError(
            f"the workspace has an endpoint `{name}`",
            hint="Choose another name; `fmtui endpoint list --target azureml` takes it in.",
        )
    made_of = auth
    if model is not None:
        made_of = serverless.check_offered(connection, address_of(ctx, model), model)
    pinned = azure.pinned(connection.settings, said)
    pending = {"what": "create", "since": time.time()}
    record = {"given": pinned, "created": now(), "pending": pending, "seen": None, "kind": kind}
    write(ctx, name, record)
    try:
        verbs.create(connection, name, made_of, tags or {}, _teller(progress))
    except FmtuiError:
        # Refused, or in doubt: what is there decides.
        with suppress(FmtuiError):
            if verbs.look(connection, name) is None:
                file_of(ctx, name).unlink(missing_ok=True)
        raise
    write(ctx, name, {**record_of(ctx, name), "pending": None})
    return show(ctx, name, fresh=True)


def delete(ctx: Context, name: str, *, progress: Progress | None = None) -> None:
    """Delete an endpoint with all that is deployed; it bills nothing from then on."""
    connection, verbs = connection_of(ctx, name), verbs_of(ctx, name)
    if verbs.look(connection, name) is not None:
        with Pending(ctx, name, what="delete"):
            verbs.delete(connection, name, _teller(progress))
    file_of(ctx, name).unlink(missing_ok=True)
    forget(ctx, name)


def start(ctx: Context, name: str, **_: object) -> EndpointInfo:
    """Raises ConflictError: Azure's endpoints run until they are deleted."""
    raise ConflictError(f"{name} lies in Azure and runs", hint="It bills until it is deleted.")


def stop(ctx: Context, name: str) -> EndpointInfo:
    """Raises ConflictError: Azure's endpoints can't be stopped."""
    raise ConflictError(
        f"{name} lies in Azure, where endpoints can't be stopped",
        hint=f"`fmtui endpoint delete {name}` ends it, and what it costs.",
    )


def _teller(progress: Progress | None) -> Progress:
    return progress or (lambda _: None)
