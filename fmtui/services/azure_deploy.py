"""A model put behind an endpoint in Azure that is there, or is made for it: looked at, begun, and
the command line that does the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fmtui.errors import FmtuiError
from fmtui.services import azure_endpoints
from fmtui.services._azure_code import check_environment, code_for, code_words
from fmtui.services._azure_endpoints import last_seen, only
from fmtui.services._azure_models import base_of
from fmtui.services._azure_plan import check_kind, place_for
from fmtui.services._azure_serverless import cost_of, serverless_address
from fmtui.services._shares import shared
from fmtui.services.context import Context
from registry.references import check_name
from registry.views import EndpointInfo

KINDS = {
    "online": "answers at once; billed until deleted",
    "batch": "answers files by jobs; billed while one runs",
    "serverless": "run by its publisher; paid for by token",
}
"""The kinds of endpoints, and what each is."""


@dataclass(frozen=True)
class DeployRequest:
    """What a person asks for; None is what the service or the model recommends.

    `new` says that the endpoint is made first, of `kind` and with `auth`. What does not belong to
    the kind is refused when it is planned. `accept_terms` subscribes the workspace to the offer of
    a model that its publisher sells.
    """

    endpoint: str
    model: str
    new: bool = True
    kind: str = "online"
    auth: str | None = None
    name: str | None = None
    traffic: int | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    compute: str | None = None
    mini_batch_size: int | None = None
    concurrency: int | None = None
    script: Path | None = None
    code: Path | None = None
    environment: str | None = None
    accept_terms: bool = False

    @property
    def question(self) -> str:
        """What is asked before it is begun."""
        if self.kind == "serverless":
            return f"Make {self.endpoint} for {self.model}?"
        return f"Deploy {self.model} on {self.endpoint}?"

    def command(self) -> str:
        """The line that does the same, and asks nothing."""
        words = ["fmtui", "endpoint", "deploy", self.endpoint, "--model", self.model]
        words += self._words(*_DEPLOYED, "compute")
        deploy = shlex.join([*words, "--yes"])
        if not self.new:
            return deploy
        words = ["fmtui", "endpoint", "create", self.endpoint, "--target", "azureml"]
        words += ["--kind", self.kind] if self.kind != "online" else []
        words += self._words("auth")
        if self.kind == "serverless":
            terms = ["--accept-terms"] if self.accept_terms else []
            return shlex.join([*words, "--model", self.model, *terms, "--yes"])
        return f"{shlex.join(words)} && {deploy}"

    def _words(self, *names: str) -> list[str]:
        given = [(name, getattr(self, name)) for name in names]
        return [
            word
            for name, value in given
            if value is not None
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]


_DEPLOYED = ("name", "traffic", "instance_type", "instance_count", "mini_batch_size",
             "concurrency", "script", "code", "environment")  # fmt: skip


def kinds_for(ctx: Context, model: str) -> list[str]:
    """The kinds that a model can be deployed as: serverless only where its publisher offers it.

    The registry is asked; where it does not answer, nothing is offered.
    """
    from fmtui.azure import serverless
    from fmtui.azure.connection import connect

    found = [kind for kind in KINDS if kind != "serverless"]
    with suppress(FmtuiError):
        address = serverless_address(ctx, model)
        if address.startswith("azureml://registries/"):
            serverless.check_offered(connect(ctx.home, {}), address, model)
            found.append("serverless")
    return found


def plan(ctx: Context, request: DeployRequest) -> str:
    """What it costs and what is uploaded, in words; nothing is begun.

    Raises what making the endpoint and deploying would raise for what can be known before.
    """
    if request.new:
        words = _check(request, None)
        return _plan_new(ctx, request) + words
    only(ctx, request.endpoint, ("online", "batch"), "deployments to add")
    words = _check(request, last_seen(ctx, request.endpoint))
    cost, _ = azure_endpoints.plan_deploy(
        ctx, request.endpoint, request.model, request.instance_type,
        request.instance_count or 1, request.compute,
    )  # fmt: skip
    return cost + words


def _plan_new(ctx: Context, request: DeployRequest) -> str:
    serverless = request.kind == "serverless"
    model = request.model if serverless else None
    new = azure_endpoints.check_new(
        ctx, request.endpoint, kind=request.kind, model=model, auth=request.auth
    )
    if new.serverless is not None:
        return cost_of(new.serverless)
    return place_for(
        new.connection, request.endpoint, base_of(ctx, request.model, "inference"),
        request.instance_type, request.instance_count or 1, request.compute,
        batch=request.kind == "batch",
    )[0]  # fmt: skip


def _check(request: DeployRequest, there: EndpointInfo | None) -> str:
    """Raise for what needs no answer of Azure's to be known as wrong; says what is uploaded."""
    sizes = [n for n in ("mini_batch_size", "concurrency") if getattr(request, n) is not None]
    batch = (there.kind if there is not None else request.kind) == "batch"
    check_kind(request.endpoint, request.traffic, sizes, batch=batch)
    if request.name is not None:
        check_name(request.name, "deployment")
    if request.traffic is not None:
        known = there.deployments if there is not None else ()
        others = {d.name: d.traffic for d in known if d.name != request.name}
        shared(others, request.name or "it", request.traffic)
    if request.script is None:
        return ""
    found = code_for(request.script, request.code, batch=batch)
    check_environment(request.environment)
    return f". {code_words(found)}"


def start(
    ctx: Context, request: DeployRequest, *, progress: Callable[[str], None] | None = None
) -> EndpointInfo:
    """Make the endpoint where it is new, deploy, and wait until it answers.

    Raises what `azure_endpoints.create` and `azure_endpoints.deploy` raise; an endpoint that was
    made stays when the deployment is refused, and costs nothing then.
    """
    plan(ctx, request)  # before anything is made
    serverless = request.kind == "serverless"
    if request.new:
        made = azure_endpoints.create(
            ctx, request.endpoint, kind=request.kind,
            model=request.model if serverless else None, auth=request.auth,
            accept_terms=request.accept_terms, progress=progress,
        )  # fmt: skip
        if serverless:
            return made
    return azure_endpoints.deploy(
        ctx, request.endpoint, request.model, name=request.name, traffic=request.traffic,
        instance_type=request.instance_type, instance_count=request.instance_count or 1,
        compute=request.compute, mini_batch_size=request.mini_batch_size,
        concurrency=request.concurrency, script=request.script, code=request.code,
        environment=request.environment, progress=progress,
    )  # fmt: skip
