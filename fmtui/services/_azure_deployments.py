"""Deployments in Azure: put behind an endpoint, given traffic, scaled, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmtui.errors import (
    BadInputError,
    ConflictError,
    FmtuiError,
    RunFailedError,
)
from fmtui.services._azure_access import look_up
from fmtui.services._azure_code import check_environment, code_for
from fmtui.services._azure_endpoints import (
    Pending,
    begin,
    connection_of,
    is_batch,
    only,
    verbs_of,
)
from fmtui.services._azure_look import forget, show
from fmtui.services._azure_models import address_of, base_of
from fmtui.services._azure_plan import check_kind, plan_deploy
from fmtui.services._shares import deployment_names, shared
from fmtui.services.context import Context
from fmtui.services.text import one_line
from registry.references import check_name, unknown
from registry.views import EndpointInfo

if TYPE_CHECKING:
    from fmtui.azure.connection import Connection

Progress = Callable[[str], None]


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
    mini_batch_size: int | None = None,
    concurrency: int | None = None,
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
        mini_batch_size: Of a batch endpoint, how many files a call of the model is given.
        concurrency: Of a batch endpoint, how many calls there are at once on an instance.

    Raises RunFailedError with the container's last words when it does not come up.
    """
    only(ctx, endpoint, ("online", "batch"), "deployments")
    tell, verbs = _teller(progress), verbs_of(ctx, endpoint)
    connection = connection_of(ctx, endpoint)
    forget(ctx, endpoint)
    base = base_of(ctx, model, "inference")
    address, before = address_of(base), look_up(ctx, endpoint)
    _, place = plan_deploy(ctx, endpoint, model, instance_type, instance_count, compute)
    sizes = {"mini_batch_size": mini_batch_size, "concurrency": concurrency}
    own: dict[str, Any] = {key: value for key, value in sizes.items() if value is not None}
    check_kind(endpoint, traffic, own, batch=is_batch(ctx, endpoint))
    known = {d.name: d for d in before.deployments}
    name = check_name(
        name or next(n for n in deployment_names(base.ref) if n not in known), "deployment"
    )
    others = {n: d.traffic for n, d in known.items() if n != name}
    share = traffic if traffic is not None else (100 if not any(others.values()) else None)
    if script is not None:
        found_code = code_for(script, code, batch=is_batch(ctx, endpoint))
        own |= {"code": found_code, "environment": check_environment(environment)}
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
                begin(ctx, endpoint, None)
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
