"""What a deployment looks like and costs: shown, asked about, scaled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.errors import UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.endpoints import EndpointInfo


def consent(words: str, yes: bool) -> None:
    """Ask, unless told not to; where nobody can answer, it has to be said."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(words.rstrip("."), hint="Say --yes if that is what you want.")
    click.confirm(f"{clean(words)} Go on?", abort=True, err=True)


def print_endpoint(info: EndpointInfo, as_json: bool) -> None:
    """An endpoint with its deployments."""
    if as_json:
        print_json(info.as_json())
        return
    click.echo(clean("  ".join(filter(None, (info.name, info.target, info.state, info.url)))))
    if info.error:
        click.echo(clean(info.error))
    if info.deployments and info.kind == "batch":
        found = (
            (d.name, d.model, d.state, "yes" if d.traffic else "", d.instance_type,
             d.instance_count)
            for d in info.deployments
        )  # fmt: skip
        table(("deployment", "model", "state", "default", "cluster", "count"), found, right="count")
        click.echo(f"billed while a job runs: fmtui batch invoke {clean(info.name)} --data FILE")
    elif info.deployments and info.target == "azureml":
        shown = (
            (d.name, d.model, d.state, f"{d.traffic}%", f"{d.mirror}%", d.instance_type,
             d.instance_count)
            for d in info.deployments
        )  # fmt: skip
        headers = ("deployment", "model", "state", "traffic", "mirror", "instance", "count")
        table(headers, shown, right="traffic mirror count")
        click.echo(f"billed until deleted: fmtui endpoint delete {clean(info.name)}")
    elif info.deployments:
        rows = ((d.name, d.model, d.state, f"{d.traffic}%") for d in info.deployments)
        table(("deployment", "model", "state", "traffic"), rows, right="traffic")
    else:
        click.echo(f"nothing deployed yet: fmtui endpoint deploy {info.name} --model MODEL")


@click.command()
@click.argument("name", metavar="ENDPOINT/DEPLOYMENT")
@click.option("--instance-count", type=click.IntRange(1), required=True, help="Instances.")
@click.option("--yes", is_flag=True, help="Do not ask whether it may cost money.")
@quiet_option
@json_option
def scale(name: str, instance_count: int, yes: bool, quiet: bool, as_json: bool) -> None:
    """Set how many instances a deployment in Azure ML has."""
    from fmtui.services import azure_endpoints

    owner, slash, deployment = name.partition("/")
    if not slash or not azure_endpoints.owns(context(), owner):
        raise UsageError(f"`{name}` is no deployment in Azure ML", hint="ENDPOINT/DEPLOYMENT")
    consent(f"{name} will have {instance_count} instances, each billed until deleted.", yes)
    info = azure_endpoints.scale(
        context(),
        owner,
        deployment,
        instance_count,
        progress=lambda text: progress(text, quiet=quiet),
    )
    print_endpoint(info, as_json)
