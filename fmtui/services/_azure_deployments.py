"""Deployments in Azure: what one costs, put behind an endpoint, given traffic, scaled, deleted."""

from __future__ import annotations

import shlex
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
from fmtui.services._azure_access import look_up
from fmtui.services._azure_code import code_for
from fmtui.services._azure_endpoints import (
    Pending,
    connection_of,
    is_batch,
    only,
    record_of,
    verbs_of,
    write,
)
from fmtui.services._azure_look import forget, show
from fmtui.services._azure_models import Base, base_of
from fmtui.services._shares import deployment_names, shared
from fmtui.services.context import Context
from fmtui.services.text import one_line
from registry.references import check_name, unknown
from registry.views import EndpointInfo

if TYPE_CHECKING:
    from fmtui.azure.compute import Place
    from fmtui.azure.connection import Connection

Progress = Callable[[str], None]


def plan_deploy(
    ctx: Context,
    name: str,
    model: str,
    instance_type: str | None,
    instance_count: int = 1,
    compute: str | None = None,
) -> tuple[str, Place]:
    """What a deployment would cost, in words, and the place it takes.

    Raises BadInputError for a model that can't be deployed there or a type that is too small.
    """
    from fmtui.azure.compute import place_of

    only(ctx, name, ("online", "batch"), "deployments")
    base = base_of(ctx, model, "inference")
    _deployable(base)
    if is_batch(ctx, name):
        if not compute:
            raise UsageError(
                f"{name} is a batch endpoint: which cluster shall its jobs run on?",
                hint="Say it by --compute; `fmtui azure compute` lists them.",
            )
        place = place_of(connection_of(ctx, name), compute, None, base.needs, base.ref)
        words = f"{place.cost(instance_count)} on {compute} while a job runs, nothing between jobs"
        return words, place
    if compute:
        raise UsageError("--compute is for batch endpoints", hint="Say --instance-type.")
    place = place_of(connection_of(ctx, name), None, instance_type, base.needs, base.ref)
    words = f"{place.cost(instance_count)}, until it is deleted: fmtui endpoint delete {name}"
    return words, place


def address_of(ctx: Context, model: str) -> str:
    """Where a model lies in Azure. Raises BadInputError for one that lies elsewhere."""
    return _deployable(base_of(ctx, model, "inference"))


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
    code: Path | None = None,
    environment: str | None = None,
    instance_type: str | None = None,
    instance_count: int = 1,
    compute: str | None = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Put a model behind an endpoint in Azure and wait until it answers.

    Args:
        traffic: Its share in percent; None: 100 for the first deployment, 0 for a further one.
        script: A score.py of one's own, which is uploaded alone; `environment` names what it runs
            in.
        code: A folder around the script, which is uploaded whole.
        compute: Of a batch endpoint, the cluster on which its jobs run.

    Raises RunFailedError with the container's last words when it does not come up.
    """
    only(ctx, endpoint, ("online", "batch"), "deployments")
    tell, verbs = _teller(progress), verbs_of(ctx, endpoint)
    connection = connection_of(ctx, endpoint)
    forget(ctx, endpoint)
    base = base_of(ctx, model, "inference")
    address, before = _deployable(base), look_up(ctx, endpoint)
    _, place = plan_deploy(ctx, endpoint, model, instance_type, instance_count, compute)
    known = {d.name: d for d in before.deployments}
    name = check_name(
        name or next(n for n in deployment_names(base.ref) if n not in known), "deployment"
    )
    others = {n: d.traffic for n, d in known.items() if n != name}
    share = traffic if traffic is not None else (100 if not any(others.values()) else None)
    own: dict[str, Any] = {}
    if script is not None:
        own = {"code": code_for(ctx, endpoint, script, code), "environment": environment}
        if environment is None:
            raise UsageError(
                "--script needs --environment", hint="azureml:NAME:VERSION, or an image."
            )
    shares = shared(others, name, share) if share is not None else None
    pending = Pending(ctx, endpoint, what="deploy", deployment=name, traffic=shares)
    with pending:
        try:
            verbs.deploy(
                connection, endpoint, name, address, compute or place.size.name, instance_count,
                **own, tags={"fmtui.model": base.ref}, tell=tell,
            )  # fmt: skip
        except FmtuiError as error:
            try:
                after = verbs.look(connection, endpoint)
            except FmtuiError:  # in doubt: it may be under way, and the next look goes on with it
                error.hint = f"{error.hint or ''} {_goes_on(endpoint)}".strip()
                raise error from None
            found = next((d for d in after.deployments if d.name == name), None) if after else None
            if found is not None and found.state == "failed":
                raise _failed(verbs, connection, endpoint, name, error) from error
            if found is None and name not in known:
                write(ctx, endpoint, {**record_of(ctx, endpoint), "pending": None})
            raise
        if shares is not None and shares != {**others, name: known[name].traffic if name in known
                                             else 0}:  # fmt: skip
            verbs.share(connection, endpoint, shares, {}, tell)
    return show(ctx, endpoint, fresh=True)


def _goes_on(endpoint: str) -> str:
    return f"What was begun may go on in Azure, and bill: `fmtui endpoint show {endpoint}` looks."


def _failed(
    verbs: Any, connection: Connection, endpoint: str, name: str, error: FmtuiError
) -> RunFailedError:
    if not hasattr(verbs, "logs"):  # nothing of a batch endpoint runs, and so bills, before a job
        return RunFailedError(
            f"{endpoint}/{name} could not be deployed: {error.message}",
            hint=f"`fmtui endpoint delete {endpoint}/{name}` takes it away.",
        )
    last = ""
    with suppress(FmtuiError):
        text = verbs.logs(connection, endpoint, name, 20, verbs.CONTAINERS[0])
        last = one_line((text.strip().splitlines() or [""])[-1])[:200]
    said = f" It said last: {last}" if last else ""
    return RunFailedError(
        f"{endpoint}/{name} did not come up: {error.message}.{said}",
        hint=f"`fmtui endpoint logs {endpoint} --deployment {name}` shows all; it may bill until "
        f"`fmtui endpoint delete {endpoint}/{name}`.",
    )


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
    only(ctx, name, ("online", "batch"), "traffic to share")
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
    if is_batch(ctx, name) and (mirror or 100 not in shares.values()):
        raise BadInputError(
            f"{name} is a batch endpoint: one deployment takes all jobs that name none",
            hint=f"`fmtui endpoint traffic {name} {known[0]}=100`, without --mirror.",
        )
    verbs = verbs_of(ctx, name)
    verbs.share(connection_of(ctx, name), name, shares, mirror or {}, _teller(progress))
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

    only(ctx, endpoint, ("online", "batch"), "instances")
    if is_batch(ctx, endpoint):
        raise ConflictError(
            f"{endpoint} is a batch endpoint, its cluster scales by itself",
            hint="Deploy anew with another --instance-count.",
        )
    _named(ctx, endpoint, deployment)
    endpoints.scale(connection_of(ctx, endpoint), endpoint, deployment, count, _teller(progress))
    return show(ctx, endpoint, fresh=True)


def delete_deployment(
    ctx: Context, endpoint: str, deployment: str, *, progress: Progress | None = None
) -> EndpointInfo:
    """Take a deployment away. Raises ConflictError while it has traffic."""
    only(ctx, endpoint, ("online", "batch"), "deployments")
    found, verbs = _named(ctx, endpoint, deployment), verbs_of(ctx, endpoint)
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
        verbs.share(connection, endpoint, {**shares, deployment: 0}, {}, tell)
    verbs.delete_deployment(connection, endpoint, deployment, tell)
    return show(ctx, endpoint, fresh=True)


def _named(ctx: Context, endpoint: str, deployment: str) -> Any:
    found = look_up(ctx, endpoint).deployments
    match = next((d for d in found if d.name == deployment), None)
    if match is None:
        raise unknown("deployment", deployment, [d.name for d in found])
    return match


def _teller(progress: Progress | None) -> Progress:
    return progress or (lambda _: None)
