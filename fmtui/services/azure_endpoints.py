"""Endpoints in Azure ML, with the same verbs as those of this machine.

The service is the truth. What is kept here, a file an endpoint, is which workspace it lies in,
what it was when it was last seen, and what was begun on it: written before Azure is asked and
cleared when that is done, so that after a kill the next look finds it and goes on.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmtui.errors import (
    BadInputError,
    ConflictError,
    FmtuiError,
    RunFailedError,
    UsageError,
)
from fmtui.services import azure
from fmtui.services._azure_access import (
    invoke,
    keys,
    log_path,
    logs,
    look_up,
    regenerate,
    sample_request,
)
from fmtui.services._azure_endpoints import (
    Pending,
    connection_of,
    file_of,
    go_on,
    info_of,
    last_seen,
    names,
    owns,
    record_of,
    write,
)
from fmtui.services._azure_models import Base, base_of
from fmtui.services._shares import deployment_names, shared
from fmtui.services.context import Context
from fmtui.services.text import one_line
from registry.database import now
from registry.references import check_name, unknown
from registry.views import EndpointInfo

if TYPE_CHECKING:
    from fmtui.azure.compute import Place
    from fmtui.azure.connection import Connection

__all__ = [
    "CONTAINERS",
    "create",
    "delete",
    "delete_deployment",
    "deploy",
    "deploy_command",
    "invoke",
    "keys",
    "last_seen",
    "list_endpoints",
    "log_path",
    "logs",
    "names",
    "owns",
    "plan_deploy",
    "regenerate",
    "sample_request",
    "scale",
    "show",
    "start",
    "stop",
    "traffic",
]

CONTAINERS = ("inference-server", "storage-initializer")
Progress = Callable[[str], None]
AUTH = ("key", "aml_token", "aad_token")
_FRESH_SECONDS = 3.0


def create(
    ctx: Context,
    name: str,
    *,
    auth: str = "key",
    given: Mapping[str, str | None] | None = None,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Make an endpoint in the workspace. It costs nothing until something is deployed.

    Raises ConflictError when the name is taken, RemoteError when Azure refuses.
    """
    from fmtui.azure import endpoints
    from fmtui.azure.connection import connect

    check_name(name, "endpoint")
    if auth not in AUTH:
        raise UsageError(f"--auth {auth}: no such way", hint=f"One of {', '.join(AUTH)}.")
    if owns(ctx, name):
        raise ConflictError(f"endpoint `{name}` exists", hint="Choose another name.")
    said = {key: value for key, value in (given or {}).items() if value}
    connection = connect(ctx.home, dict(said))
    if endpoints.look(connection, name) is not None:
        raise ConflictError(
            f"the workspace has an endpoint `{name}`",
            hint="Choose another name; `fmtui endpoint list --target azureml` takes it in.",
        )
    pinned = azure.pinned(connection.settings, said)
    pending = {"what": "create", "since": time.time()}
    write(ctx, name, {"given": pinned, "created": now(), "pending": pending, "seen": None})
    try:
        endpoints.create(connection, name, auth, tags or {}, _teller(progress))
    except FmtuiError:
        # Refused, or in doubt: what is there decides.
        with suppress(FmtuiError):
            if endpoints.look(connection, name) is None:
                file_of(ctx, name).unlink(missing_ok=True)
        raise
    write(ctx, name, {**record_of(ctx, name), "pending": None})
    return show(ctx, name, fresh=True)


def plan_deploy(
    ctx: Context, name: str, model: str, instance_type: str | None, instance_count: int = 1
) -> tuple[str, Place]:
    """What a deployment would cost, in words, and the place it takes.

    Raises BadInputError for a model that can't be deployed there or a type that is too small.
    """
    from fmtui.azure import compute

    base = base_of(ctx, model, "inference")
    _deployable(base)
    place = compute.place_of(connection_of(ctx, name), None, instance_type, base.needs, base.ref)
    words = f"{place.cost(instance_count)}, until it is deleted: fmtui endpoint delete {name}"
    return words, place


def _deployable(base: Base) -> str:
    path = base.inputs.get("mlflow_model_path")
    if path is None:
        raise BadInputError(
            f"{base.ref} is no model in Azure ML",
            hint="Deploy a model of its catalogue, or one that was finetuned there.",
        )
    return str(path[1])


def deploy(
    ctx: Context,
    endpoint: str,
    model: str,
    *,
    name: str | None = None,
    traffic: int | None = None,
    script: Path | None = None,
    environment: str | None = None,
    instance_type: str | None = None,
    instance_count: int = 1,
    timeout: float = 0.0,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Put a model behind an endpoint in Azure and wait until it answers.

    Args:
        traffic: Its share in percent; None: 100 for the first deployment, 0 for a further one.
        script: A score.py of one's own; `environment` names what it runs in.

    Raises RunFailedError with the container's last words when it does not come up.
    """
    from fmtui.azure import endpoints

    tell, connection = _teller(progress), connection_of(ctx, endpoint)
    _shown.pop((ctx.home.root, endpoint), None)
    base = base_of(ctx, model, "inference")
    address, before = _deployable(base), look_up(ctx, endpoint)
    _, place = plan_deploy(ctx, endpoint, model, instance_type, instance_count)
    known = {d.name: d for d in before.deployments}
    name = check_name(
        name or next(n for n in deployment_names(base.ref) if n not in known), "deployment"
    )
    others = {n: d.traffic for n, d in known.items() if n != name}
    share = traffic if traffic is not None else (100 if not any(others.values()) else None)
    if script is not None and environment is None:
        raise UsageError("--script needs --environment", hint="azureml:NAME:VERSION, or an image.")
    shares = shared(others, name, share) if share is not None else None
    pending = Pending(ctx, endpoint, what="deploy", deployment=name, traffic=shares)
    with pending:
        try:
            endpoints.deploy(
                connection, endpoint, name, address, place.size.name, instance_count,
                script=script, environment=environment, tags={"fmtui.model": base.ref}, tell=tell,
            )  # fmt: skip
        except FmtuiError as error:
            found = _deployment(connection, endpoint, name)
            if found is None or found.state != "failed":
                if found is None and name not in known:
                    write(ctx, endpoint, {**record_of(ctx, endpoint), "pending": None})
                raise
            raise _failed(connection, endpoint, name, error) from error
        if shares is not None and shares != {**others, name: known[name].traffic if name in known
                                             else 0}:  # fmt: skip
            endpoints.share(connection, endpoint, shares, {}, tell)
    return show(ctx, endpoint, fresh=True)


def _deployment(connection: Connection, endpoint: str, name: str) -> Any:
    from fmtui.azure import endpoints

    with suppress(FmtuiError):
        found = endpoints.look(connection, endpoint)
        return next((d for d in found.deployments if d.name == name), None) if found else None
    return None


def _failed(connection: Connection, endpoint: str, name: str, error: FmtuiError) -> RunFailedError:
    from fmtui.azure import endpoints

    last = ""
    with suppress(FmtuiError):
        text = endpoints.logs(connection, endpoint, name, 20, endpoints.CONTAINERS[0])
        last = one_line((text.strip().splitlines() or [""])[-1])[:200]
    said = f" It said last: {last}" if last else ""
    return RunFailedError(
        f"{endpoint}/{name} did not come up: {error.message}.{said}",
        hint=f"`fmtui endpoint logs {endpoint} --deployment {name}` shows all; it may bill until "
        f"`fmtui endpoint delete {endpoint}/{name}`.",
    )


_shown: dict[tuple[Path, str], tuple[float, EndpointInfo]] = {}


def show(ctx: Context, name: str, *, fresh: bool = False) -> EndpointInfo:
    """An endpoint as Azure shows it now; what was begun and not ended is gone on with.

    Raises RemoteError when Azure can't be asked.
    """
    key = (ctx.home.root, name)
    known = _shown.get(key)
    if not fresh and known and time.monotonic() - known[0] < _FRESH_SECONDS:
        return known[1]
    from fmtui.azure import endpoints

    record = record_of(ctx, name)
    found = endpoints.look(connection_of(ctx, name), name)
    record, found = go_on(ctx, name, record, found)
    info = info_of(name, record, found)
    write(ctx, name, {**record, "seen": info.as_json()})
    _shown[key] = (time.monotonic(), info)
    return info


def list_endpoints(
    ctx: Context, given: Mapping[str, str | None] | None = None
) -> list[EndpointInfo]:
    """The endpoints of the workspace as they are now, those made elsewhere too.

    Raises RemoteError.
    """
    from fmtui.azure import endpoints
    from fmtui.azure.connection import connect

    said = {key: value for key, value in (given or {}).items() if value}
    connection = connect(ctx.home, dict(said))
    found = endpoints.listed(connection)
    for one in found:
        if not owns(ctx, one.name):
            pinned = azure.pinned(connection.settings, said)
            record = {"given": pinned, "created": one.created, "pending": None, "seen": None}
            write(ctx, one.name, record)
    mine = azure.pinned(connection.settings, said).get("workspace")
    wanted = [
        name for name in names(ctx)
        if (record_of(ctx, name).get("given") or {}).get("workspace") == mine
    ]  # fmt: skip
    return [show(ctx, name, fresh=True) for name in wanted]


def traffic(
    ctx: Context,
    name: str,
    shares: dict[str, int],
    *,
    mirror: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Share the requests out, in percent, and mirror some to deployments that answer nobody.

    Raises BadInputError when the shares don't sum to 100 or the mirrored ones are above 50.
    """
    from fmtui.azure import endpoints

    known = [d.name for d in look_up(ctx, name).deployments]
    for deployment in (*shares, *(mirror or {})):
        if deployment not in known:
            raise unknown("deployment", deployment, known)
    if any(share < 0 for share in shares.values()) or sum(shares.values()) != 100:
        raise BadInputError(
            f"the shares of traffic sum to {sum(shares.values())}, not to 100",
            hint="Give each deployment a share from 0 to 100 that together make 100.",
        )
    if sum((mirror or {}).values()) > 50 or any(shares.get(n) for n in mirror or {}):
        raise BadInputError(
            "mirrored traffic is at most 50%, to a deployment that has no traffic itself"
        )
    endpoints.share(connection_of(ctx, name), name, shares, mirror or {}, _teller(progress))
    return show(ctx, name, fresh=True)


def deploy_command(
    endpoint: str,
    model: str,
    *,
    name: str | None = None,
    traffic: int | None = None,
    instance_type: str | None = None,
) -> str:
    """The line that does what `deploy` would."""
    words = ["fmtui", "endpoint", "deploy", endpoint, "--model", model]
    words += ["--name", name] if name else []
    words += ["--traffic", str(traffic)] if traffic is not None else []
    words += ["--instance-type", instance_type] if instance_type else []
    return shlex.join([*words, "--yes"])


def scale(
    ctx: Context, endpoint: str, deployment: str, count: int, *, progress: Progress | None = None
) -> EndpointInfo:
    """Set how many instances a deployment has. Raises RemoteError, NotFoundError."""
    from fmtui.azure import endpoints

    _named(ctx, endpoint, deployment)
    endpoints.scale(connection_of(ctx, endpoint), endpoint, deployment, count, _teller(progress))
    return show(ctx, endpoint, fresh=True)


def delete(ctx: Context, name: str, *, progress: Progress | None = None) -> None:
    """Delete an endpoint with all that is deployed; it bills nothing from then on."""
    from fmtui.azure import endpoints

    connection = connection_of(ctx, name)
    if endpoints.look(connection, name) is not None:
        with Pending(ctx, name, what="delete"):
            endpoints.delete(connection, name, _teller(progress))
    file_of(ctx, name).unlink(missing_ok=True)
    _shown.pop((ctx.home.root, name), None)


def delete_deployment(
    ctx: Context, endpoint: str, deployment: str, *, progress: Progress | None = None
) -> EndpointInfo:
    """Take a deployment away. Raises ConflictError while it has traffic."""
    from fmtui.azure import endpoints

    found = _named(ctx, endpoint, deployment)
    connection, tell = connection_of(ctx, endpoint), _teller(progress)
    online = look_up(ctx, endpoint)
    if found.traffic and len(online.deployments) > 1:
        other = next(d.name for d in online.deployments if d.name != deployment)
        raise ConflictError(
            f"{endpoint}/{deployment} has {found.traffic}% of the traffic",
            hint=f"Move it first: `fmtui endpoint traffic {endpoint} {other}=100`.",
        )
    if found.traffic or found.mirror:
        shares = {d.name: d.traffic for d in online.deployments if d.name != deployment}
        endpoints.share(connection, endpoint, {**shares, deployment: 0}, {}, tell)
    endpoints.delete_deployment(connection, endpoint, deployment, tell)
    return show(ctx, endpoint, fresh=True)


def _named(ctx: Context, endpoint: str, deployment: str) -> Any:
    found = look_up(ctx, endpoint).deployments
    match = next((d for d in found if d.name == deployment), None)
    if match is None:
        raise unknown("deployment", deployment, [d.name for d in found])
    return match


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
