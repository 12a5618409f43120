"""Endpoints: an address that answers requests with registered models.

The endpoint's folder and its processes are the truth, the registry's rows an index of them.
Every state that is returned here was proved just now.
"""

from __future__ import annotations

import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from fmtui.errors import BadInputError, ConflictError
from fmtui.services import azure_endpoints, models
from fmtui.services._anywhere import anywhere
from fmtui.services._endpoints import (
    Progress,
    check_target,
    choose_port,
    existing,
    folder_of,
    info_of,
    names_of,
    refuse_deleted,
    remove,
    roll_back,
    row_of,
    tell,
    unknown_deployment,
    unknown_endpoint,
    write_rows,
)
from fmtui.services._shares import planned
from fmtui.services.context import Context
from fmtui.serving import control
from fmtui.serving.client import InvokeResult, post_score
from fmtui.serving.definition import Definition
from fmtui.serving.folders import forget_revisions, make_folder, remove_revision
from fmtui.serving.keys import EndpointKeys, Which, read_keys, regenerate_key
from fmtui.serving.samples import sample_body
from fmtui.serving.scripts import check_servable, install_script
from fmtui.serving.waiting import wait_deployed, wait_generation, wait_healthy
from registry.database import now, storage_errors
from registry.references import check_name
from registry.views import EndpointInfo

START_SECONDS = 30.0
DEPLOY_SECONDS = 600.0

__all__ = [
    "EndpointInfo",
    "EndpointKeys",
    "InvokeResult",
    "Which",
    "create",
    "create_command",
    "delete",
    "delete_deployment",
    "deploy",
    "deploy_command",
    "invoke",
    "is_private",
    "keys",
    "list_endpoints",
    "log_path",
    "regenerate",
    "sample_request",
    "show",
    "start",
    "stop",
    "traffic",
]


def create(
    ctx: Context,
    name: str,
    *,
    target: str = "local",
    host: str = "127.0.0.1",
    port: int | None = None,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Make an endpoint and start its server, which answers 404 until a model is deployed.

    Args:
        port: None takes a free one; it stays the endpoint's own across restarts.

    Raises:
        UsageError: `target` is neither `local` nor `azureml`.
        ConflictError: The name exists, or the port is in use; nothing is left behind.
        BadInputError: The name, the host or the port can't be one.
    """
    check_name(name, "endpoint")
    if target == "azureml":
        return azure_endpoints.create(ctx, name, progress=progress)
    check_target(target)
    if azure_endpoints.owns(ctx, name):
        raise ConflictError(f"endpoint `{name}` exists in Azure", hint="Choose another name.")
    folder = folder_of(ctx, name)
    if folder.path.exists():
        raise ConflictError(
            f"endpoint `{name}` exists",
            hint=f"Choose another name, or `fmtui endpoint delete {name}` first.",
        )
    port = choose_port(ctx, host, port)
    definition = Definition(name, host, port, created=now())
    with storage_errors(ctx.home.endpoints):
        make_folder(folder, definition)
    try:
        write_rows(ctx, definition, "creating")
        tell(progress, f"starting the server at {definition.url}")
        control.ensure_running(folder)
        wait_healthy(folder, seconds=START_SECONDS)
        write_rows(ctx, definition, "healthy")
    except BaseException:
        remove(ctx, folder)
        raise
    return show(ctx, name)


@anywhere
def deploy(
    ctx: Context,
    endpoint: str,
    model: str,
    *,
    name: str | None = None,
    traffic: int | None = None,
    script: Path | None = None,
    timeout: float = DEPLOY_SECONDS,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Put a registered model behind an endpoint and wait until it answers.

    Args:
        name: The deployment; one that exists is replaced without dropping a request. None takes
            `blue`, then `green`, then a name made of the model's.
        traffic: Its share in percent; the others shrink in proportion. None: 100 for the first
            deployment, what it had for one that is replaced, 0 for a further one.
        script: A scoring script of one's own (`init`, `run`, perhaps `predict`).
        timeout: Seconds until it must be healthy.

    Raises:
        NotFoundError: No such endpoint or model.
        BadInputError: The model can't be served.
        RunFailedError: It did not load; what was served before is served still.
    """
    folder = existing(ctx, endpoint)
    info = models.show(ctx, model)
    if script is None:
        check_servable(Path(info.path), info.ref)
    with folder.change() as before:
        refuse_deleted(before)
        after, deployment = planned(before, info, name, traffic)
        try:
            with storage_errors(folder.path):
                install_script(folder.score_file(deployment), script)
                write_rows(ctx, after, "updating")
                folder.write(after)
        except BaseException:
            write_rows(ctx, before, None)
            remove_revision(folder, deployment)
            raise
    tell(progress, f"loading {info.ref} as {endpoint}/{deployment.name}")
    began = time.monotonic()
    try:
        control.ensure_running(folder)
        control.notify(folder)
        wait_deployed(folder, deployment, timeout)
    except BaseException:
        roll_back(ctx, folder, before, deployment)
        raise
    forget_revisions(folder)
    write_rows(ctx, folder.definition(), "healthy")
    tell(progress, f"{deployment.name} is healthy after {time.monotonic() - began:.1f} s")
    return show(ctx, endpoint)


@anywhere
def invoke(
    ctx: Context,
    endpoint: str,
    body: str | bytes,
    *,
    deployment: str | None = None,
    key: str | None = None,
    timeout: float = 120.0,
) -> InvokeResult:
    """Send one scoring request, and return what was answered, errors of the endpoint included.

    `InvokeResult.check()` raises RemoteError for those. Raises RemoteError itself when nothing
    answers. The key is the endpoint's primary one unless given.
    """
    folder = existing(ctx, endpoint)
    definition = folder.definition()
    secret = read_keys(folder.keys_file).primary if key is None else key
    return post_score(definition, body, key=secret, deployment=deployment, timeout=timeout)


def list_endpoints(ctx: Context) -> list[EndpointInfo]:
    """All endpoints by name: those here as they are now, those in Azure as they were last seen."""
    names = sorted(names_of(ctx))
    elsewhere = [azure_endpoints.last_seen(ctx, name) for name in azure_endpoints.names(ctx)]
    rows = {name: row_of(ctx, name) for name in names}
    with ThreadPoolExecutor(min(8, len(names) or 1)) as pool:
        found = list(pool.map(lambda name: info_of(ctx, name, rows[name]), names))
    return sorted([*found, *elsewhere], key=lambda info: info.name)


@anywhere
def show(ctx: Context, name: str) -> EndpointInfo:
    """One endpoint with its deployments. Raises NotFoundError."""
    if name not in names_of(ctx):
        raise unknown_endpoint(ctx, name)
    return info_of(ctx, name)


@anywhere
def log_path(ctx: Context, name: str) -> Path:
    """The log that the endpoint's processes append to: requests, restarts, stack traces."""
    return existing(ctx, name).log


@anywhere
def keys(ctx: Context, name: str) -> EndpointKeys:
    """The two keys. Raises StorageError when their file is gone."""
    return read_keys(existing(ctx, name).keys_file)


@anywhere
def regenerate(ctx: Context, name: str, which: Which) -> EndpointKeys:
    """Replace one key; the old one is refused from now on."""
    folder = existing(ctx, name)
    with folder.change() as definition, storage_errors(folder.path):
        fresh = regenerate_key(folder.keys_file, which)
        definition = replace(definition, generation=definition.generation + 1)
        folder.write(definition)
    control.notify(folder)
    wait_generation(folder, definition.generation)
    return fresh


@anywhere
def traffic(ctx: Context, name: str, shares: dict[str, int]) -> EndpointInfo:
    """Share the requests out, in percent; a deployment that is not named gets none.

    Raises BadInputError when the shares don't sum to 100, NotFoundError for an unknown one.
    """
    folder = existing(ctx, name)
    with folder.change() as definition:
        known = [d.name for d in definition.deployments]
        for deployment in shares:
            if deployment not in known:
                raise unknown_deployment(deployment, known)
        if any(share < 0 for share in shares.values()) or sum(shares.values()) != 100:
            raise BadInputError(
                f"the shares of traffic sum to {sum(shares.values())}, not to 100",
                hint="Give each deployment a share from 0 to 100 that together make 100.",
            )
        definition = replace(
            definition,
            generation=definition.generation + 1,
            deployments=tuple(
                replace(d, traffic=shares.get(d.name, 0)) for d in definition.deployments
            ),
        )
        with storage_errors(folder.path):
            write_rows(ctx, definition, None)
            folder.write(definition)
    control.notify(folder)
    wait_generation(folder, definition.generation)
    return show(ctx, name)


@anywhere
def start(
    ctx: Context,
    name: str,
    *,
    timeout: float = DEPLOY_SECONDS,
    progress: Progress | None = None,
) -> EndpointInfo:
    """Bring an endpoint back, with all that was deployed, and wait until it is healthy.

    Raises ConflictError when another program took its port, RunFailedError when it fails.
    """
    folder = existing(ctx, name)
    with folder.change() as definition, storage_errors(folder.path):
        refuse_deleted(definition)
        server = folder.server()
        if server is None or not server.alive():
            control.check_address(definition.host, definition.port)
        folder.failure_file.unlink(missing_ok=True)
        definition = replace(definition, wanted="running", generation=definition.generation + 1)
        folder.write(definition)
    tell(progress, f"starting {name} at {definition.url}")
    control.ensure_running(folder)
    control.notify(folder)
    wait_healthy(folder, seconds=timeout)
    write_rows(ctx, definition, "healthy")
    return show(ctx, name)


@anywhere
def stop(ctx: Context, name: str) -> EndpointInfo:
    """End the endpoint's processes once their requests are answered; `start` brings it back."""
    folder = existing(ctx, name)
    with folder.change() as definition, storage_errors(folder.path):
        refuse_deleted(definition)
        definition = replace(definition, wanted="stopped", generation=definition.generation + 1)
        folder.write(definition)
        control.end(folder)
        folder.failure_file.unlink(missing_ok=True)
    write_rows(ctx, definition, "stopped")
    return show(ctx, name)


@anywhere
def delete(ctx: Context, name: str) -> None:
    """End the endpoint's processes and forget it. What an interrupted one left is finished."""
    if name not in names_of(ctx):
        raise unknown_endpoint(ctx, name)
    remove(ctx, folder_of(ctx, name))


@anywhere
def delete_deployment(ctx: Context, endpoint: str, deployment: str) -> EndpointInfo:
    """Take a deployment away. Raises ConflictError while it has traffic that others could take."""
    folder = existing(ctx, endpoint)
    with folder.change() as definition:
        known = [d.name for d in definition.deployments]
        found = definition.deployment(deployment)
        if found is None:
            raise unknown_deployment(deployment, known)
        if found.traffic and len(known) > 1:
            other = next(name for name in known if name != deployment)
            raise ConflictError(
                f"{endpoint}/{deployment} has {found.traffic}% of the traffic",
                hint=f"Move it first: `fmtui endpoint traffic {endpoint} {other}=100`.",
            )
        definition = replace(
            definition.without_deployment(deployment), generation=definition.generation + 1
        )
        with storage_errors(folder.path):
            write_rows(ctx, definition, None)
            folder.write(definition)
    control.notify(folder)
    wait_generation(folder, definition.generation)
    forget_revisions(folder)
    return show(ctx, endpoint)


@anywhere
def sample_request(ctx: Context, name: str) -> str:
    """A request that the endpoint's main deployment would answer, as indented JSON."""
    definition = existing(ctx, name).definition()
    if not definition.deployments:
        return sample_body(None)
    return sample_body(Path(max(definition.deployments, key=lambda d: d.traffic).model_dir))


def is_private(host: str) -> bool:
    """Whether only this machine can reach a server at `host`."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def create_command(name: str, *, host: str = "127.0.0.1", port: int | None = None) -> str:
    """The line that does what `create` would."""
    words = ["fmtui", "endpoint", "create", name]
    words += ["--host", host] if host != "127.0.0.1" else []
    words += ["--port", str(port)] if port is not None else []
    return shlex.join(words)


def deploy_command(
    endpoint: str,
    model: str,
    *,
    name: str | None = None,
    traffic: int | None = None,
    script: Path | None = None,
) -> str:
    """The line that does what `deploy` would."""
    words = ["fmtui", "endpoint", "deploy", endpoint, "--model", model]
    words += ["--name", name] if name else []
    words += ["--traffic", str(traffic)] if traffic is not None else []
    words += ["--script", str(script)] if script is not None else []
    return shlex.join(words)
