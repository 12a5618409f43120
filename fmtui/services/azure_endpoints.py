"""Endpoints in Azure ML, with the same verbs as those of this machine.

The service is the truth. What is kept here, a file an endpoint, is which workspace it lies in,
what it was when it was last seen, and what was begun on it: written before Azure is asked and
cleared when that is done, so that after a kill the next look finds it and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fmtui.errors import ConflictError, FmtuiError, UsageError
from fmtui.services import azure
from fmtui.services._azure_access import (
    invoke,
    keys,
    log_file,
    log_path,
    logs,
    regenerate,
    sample_request,
)
from fmtui.services._azure_code import plan_code
from fmtui.services._azure_deployments import delete_deployment, deploy, scale, traffic
from fmtui.services._azure_endpoints import (
    Pending,
    begin,
    connection_of,
    drop,
    is_batch,
    is_gone,
    kind_of,
    last_seen,
    names,
    owns,
    unfinished,
    verbs_of,
    write,
)
from fmtui.services._azure_look import forget, list_endpoints, show
from fmtui.services._azure_plan import plan_deploy
from fmtui.services._azure_serverless import BY_TOKEN, Serverless, check_serverless, make, pending
from fmtui.services._endpoints import names_of
from fmtui.services.context import Context
from registry.database import now
from registry.references import check_name
from registry.views import EndpointInfo

if TYPE_CHECKING:
    from fmtui.azure.connection import Connection

__all__ = [
    "BY_TOKEN",
    "CONTAINERS",
    "NewEndpoint",
    "check_new",
    "create",
    "delete",
    "delete_deployment",
    "deploy",
    "invoke",
    "is_batch",
    "keys",
    "kind_of",
    "last_seen",
    "list_endpoints",
    "log_file",
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


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint that can be made: by which verbs, opened in which way, or run by a publisher."""

    connection: Connection
    verbs: Any
    auth: str
    serverless: Serverless | None = None


def check_new(
    ctx: Context,
    name: str,
    *,
    kind: str = "online",
    model: str | None = None,
    auth: str | None = None,
    given: Mapping[str, str] | None = None,
) -> NewEndpoint:
    """Look at all that `create` takes, and ask Azure for the name; nothing is begun.

    Raises as `create`, for what can be known before.
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
    if owns(ctx, name) and not is_gone(ctx, name):
        raise ConflictError(f"endpoint `{name}` exists", hint="Choose another name.")
    if name in names_of(ctx):
        raise ConflictError(
            f"endpoint `{name}` exists on this machine", hint="Choose another name."
        )
    connection = connect(ctx.home, dict(given or {}))
    if verbs.look(connection, name) is not None:
        raise ConflictError(
            f"the workspace has an endpoint `{name}`",
            hint="Choose another name; `fmtui endpoint list --target azureml` takes it in.",
        )
    made = None if model is None else check_serverless(ctx, connection, model)
    return NewEndpoint(connection, verbs, auth, made)


def create(
    ctx: Context,
    name: str,
    *,
    kind: str = "online",
    model: str | None = None,
    auth: str | None = None,
    given: Mapping[str, str | None] | None = None,
    tags: Mapping[str, str] | None = None,
    accept_terms: bool = False,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Make an endpoint in the workspace. It costs nothing until something is deployed or asked.

    Args:
        kind: online, which answers requests; batch, which answers files by jobs; serverless, for
            the one `model` that is named, which its publisher runs, paid for by token.
        auth: One of `AUTH`; key where left out. A batch endpoint has aad_token alone.
        accept_terms: Subscribe the workspace to the offer of a serverless endpoint's model, where
            its publisher sells it through the Azure Marketplace: that accepts the terms.

    Raises ConflictError when the name is taken, TermsError where terms have to be accepted first,
    RemoteError when Azure refuses.
    """
    said = {key: value for key, value in (given or {}).items() if value}
    new = check_new(ctx, name, kind=kind, model=model, auth=auth, given=said)
    connection, verbs = new.connection, new.verbs
    pinned = azure.pinned(connection.settings, said)
    begun = {"what": "create", "since": time.time()}
    if new.serverless is not None:
        begun |= pending(new.serverless.offered, tags or {})
    record = {"given": pinned, "created": now(), "pending": begun, "seen": None, "kind": kind}
    write(ctx, name, record)
    tell = _teller(progress)
    try:
        if new.serverless is None:
            verbs.create(connection, name, new.auth, tags or {}, tell)
        else:
            make(new.serverless, name, tags or {}, accept_terms, tell)
    except FmtuiError:
        # Refused, or in doubt: what is there decides.
        with suppress(FmtuiError):
            begin(ctx, name, {**begun, "maker": None})  # nobody is at it any more
            if verbs.look(connection, name) is None:
                drop(ctx, name)
        raise
    begin(ctx, name, None)
    return show(ctx, name, fresh=True)


def delete(ctx: Context, name: str, *, progress: Progress | None = None) -> None:
    """Delete an endpoint with all that is deployed; it bills nothing from then on."""
    connection, verbs = connection_of(ctx, name), verbs_of(ctx, name)
    if verbs.look(connection, name) is not None:
        with Pending(ctx, name, what="delete"):
            verbs.delete(connection, name, _teller(progress))
    drop(ctx, name)
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
