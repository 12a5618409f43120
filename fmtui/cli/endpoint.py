"""`fmtui endpoint`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from fmtui.cli.asking import invoke, keys, logs
from fmtui.cli.azure_options import azure_options
from fmtui.cli.deployment import accept, consent, deploy, print_endpoint, reporter, scale
from fmtui.cli.output import json_option, pairs, print_json, progress, quiet_option, table
from fmtui.errors import BadInputError, TermsError, UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.endpoints import EndpointInfo


@click.group()
def endpoint() -> None:
    """Create, deploy to, invoke and delete endpoints."""


@endpoint.command()
@click.argument("name")
@click.option(
    "--target", default="local", show_default=True, help="Where it runs: local or azureml."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="A free one where left out.")
@click.option(
    "--kind",
    type=click.Choice(["online", "batch", "serverless"]),
    default="online",
    show_default=True,
    help="Azure ML: batch answers files by jobs, serverless is paid for by token.",
)
@click.option("--model", metavar="REF", help="Azure ML: the model of a serverless endpoint.")
@click.option("--yes", is_flag=True, help="Azure ML: do not ask whether it may cost money.")
@click.option(
    "--accept-terms",
    is_flag=True,
    help="Azure ML: accept the terms of a serverless endpoint's publisher, and subscribe the "
    "workspace to its marketplace offer, where that is wanted; --yes does not.",
)
@click.option("--auth", help="Azure ML: key, aml_token or aad_token; key, for batch aad_token.")
@azure_options
@quiet_option
@json_option
def create(
    name: str,
    target: str,
    host: str,
    port: int | None,
    kind: str,
    model: str | None,
    yes: bool,
    accept_terms: bool,
    auth: str | None,
    quiet: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Make an endpoint and start its server."""
    from fmtui.services import azure_endpoints, endpoints

    if target == "azureml":
        if kind == "serverless":
            consent(f"Create {name} for {model or '?'}: {azure_endpoints.BY_TOKEN}.", yes)
        elif accept_terms:
            raise UsageError("--accept-terms is for --kind serverless")
        make = partial(
            azure_endpoints.create,
            context(),
            name,
            kind=kind,
            model=model,
            auth=auth,
            given=given,
            progress=reporter(quiet),
        )
        try:
            made = make(accept_terms=accept_terms)
        except TermsError as wanted:
            accept(wanted)
            made = make(accept_terms=True)
        print_endpoint(made, as_json)
        return
    if kind != "online":
        raise UsageError(
            f"--kind {kind} is for --target azureml", hint="`fmtui batch score` is here."
        )
    info = endpoints.create(
        context(), name, target=target, host=host, port=port, progress=reporter(quiet)
    )
    if not endpoints.is_private(host):
        progress(f"{info.url} is open to the network, without encryption.", quiet=quiet)
    print_endpoint(info, as_json)


@endpoint.command("list")
@click.option("--target", type=click.Choice(["local", "azureml"]), help="Only those there.")
@azure_options
@json_option
def list_(target: str | None, as_json: bool, **given: str | None) -> None:
    """All endpoints: those here as they are now, those in Azure as they were last seen.

    With --target azureml the workspace is asked, and what was made elsewhere is taken in.
    """
    from fmtui.services import azure_endpoints, endpoints

    if target == "azureml":
        found = azure_endpoints.list_endpoints(context(), given, progress)
    else:
        found = endpoints.list_endpoints(context())
        found = [info for info in found if target in (None, info.target)]
    if as_json:
        print_json([info.as_json() for info in found])
    elif not found:
        progress("No endpoints yet. `fmtui endpoint create NAME` makes one.")
    else:
        rows = ((i.name, i.target, i.state, i.url or "–", _deployments(i)) for i in found)
        table(("endpoint", "target", "state", "url", "deployments"), rows)


@endpoint.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """One endpoint and its deployments."""
    from fmtui.services import endpoints

    print_endpoint(endpoints.show(context(), name), as_json)


@endpoint.command()
@click.argument("name")
@click.argument("shares", nargs=-1, required=True, metavar="DEPLOYMENT=PERCENT...")
@click.option(
    "--mirror", multiple=True, metavar="DEPLOYMENT=PERCENT", help="Azure ML: a copy of requests."
)
@json_option
def traffic(name: str, shares: tuple[str, ...], mirror: tuple[str, ...], as_json: bool) -> None:
    """Share the requests out: blue=90 green=10."""
    from fmtui.services import azure_endpoints, endpoints

    wanted = _percents(shares, "traffic")
    if azure_endpoints.owns(context(), name):
        copied = _percents(mirror, "--mirror")
        print_endpoint(azure_endpoints.traffic(context(), name, wanted, mirror=copied), as_json)
        return
    if mirror:
        raise UsageError("--mirror is for endpoints in Azure ML")
    print_endpoint(endpoints.traffic(context(), name, wanted), as_json)


def _percents(words: tuple[str, ...], option: str) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for deployment, share in pairs(words, option).items():
        try:
            wanted[deployment] = int(share.removesuffix("%"))
        except ValueError as error:
            raise BadInputError(
                f"{deployment}={share}: the share must be a whole number"
            ) from error
    return wanted


@endpoint.command()
@click.argument("name", metavar="ENDPOINT[/DEPLOYMENT]")
@click.option("--yes", is_flag=True, help="Azure ML: do not ask.")
@json_option
def delete(name: str, yes: bool, as_json: bool) -> None:
    """End an endpoint and forget it, or take one deployment away."""
    from fmtui.services import azure_endpoints, azure_marketplace, endpoints

    owner, slash, deployment = name.partition("/")
    kept = None
    if azure_endpoints.owns(context(), owner):
        kept = azure_marketplace.kept_by(context(), owner)
        stays = f" The workspace stays subscribed to {kept.offered}." if kept else ""
        consent(f"Delete {name} in Azure ML.{stays}", yes)
    if slash:
        print_endpoint(endpoints.delete_deployment(context(), owner, deployment), as_json)
        return
    endpoints.delete(context(), name)
    if as_json:
        print_json({"endpoint": name, "state": "deleted"})
    else:
        click.echo(f"{name} deleted")
    if kept is not None:
        progress(f"The workspace stays subscribed to {kept.offered}, which costs nothing while "
                 f"nobody asks; fmtui azure unsubscribe {kept.name} ends that.")  # fmt: skip


@endpoint.command()
@click.argument("name")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds until it is healthy.")
@quiet_option
@json_option
def start(name: str, timeout: float, quiet: bool, as_json: bool) -> None:
    """Bring an endpoint back, with all that was deployed."""
    from fmtui.services import endpoints

    info = endpoints.start(context(), name, timeout=timeout, progress=reporter(quiet))
    print_endpoint(info, as_json)


@endpoint.command()
@click.argument("name")
@json_option
def stop(name: str, as_json: bool) -> None:
    """End an endpoint's processes; it keeps its port, keys and deployments."""
    from fmtui.services import endpoints

    print_endpoint(endpoints.stop(context(), name), as_json)


def _deployments(info: EndpointInfo) -> str:
    return ", ".join(f"{d.name} {d.model} {d.traffic}%" for d in info.deployments) or "none"


for command in (deploy, scale, invoke, logs, keys):
    endpoint.add_command(command)
