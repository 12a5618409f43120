"""`fmtui endpoint deploy` and `scale`: what a deployment looks like and costs, asked about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.errors import TermsError, UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from collections.abc import Callable

    from fmtui.services.endpoints import EndpointInfo


def consent(words: str, yes: bool) -> None:
    """Ask, unless told not to; where nobody can answer, it has to be said."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(words.rstrip("."), hint="Say --yes if that is what you want.")
    click.confirm(f"{clean(words)} Go on?", abort=True, err=True)


def accept(wanted: TermsError) -> None:
    """Ask for somebody's terms, by a question of their own; where nobody can answer, raise it."""
    if not sys.stdin.isatty():
        raise wanted
    click.confirm(f"{clean(wanted.terms)}\n{clean(wanted.question)}", abort=True, err=True)


def print_endpoint(info: EndpointInfo, as_json: bool) -> None:
    """An endpoint with its deployments."""
    if as_json:
        print_json(info.as_json())
        return
    click.echo(clean("  ".join(filter(None, (info.name, info.target, info.state, info.url)))))
    if info.error:
        click.echo(clean(info.error))
    if info.kind == "serverless":
        for one in info.deployments:
            click.echo(clean(f"{one.model}, paid for by token: nothing while nobody asks"))
        click.echo(f"until deleted: fmtui endpoint delete {clean(info.name)}")
    elif info.deployments and info.kind == "batch":
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


def reporter(quiet: bool) -> Callable[[str], None]:
    """What a service calls with how far it is: a line each on stderr."""
    return lambda text: progress(text, quiet=quiet)


@click.command()
@click.argument("name")
@click.option("--model", required=True, help="A registered model, NAME[:VERSION].")
@click.option("--name", "deployment", help="The deployment; blue, then green where left out.")
@click.option("--traffic", type=int, help="Its share in percent; the others shrink.")
@click.option("--script", type=click.Path(path_type=Path), help="A score.py of your own.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds until it is healthy.")
@click.option(
    "--instance-type",
    metavar="SKU",
    help="Azure ML: left out, the first that the model recommends.",
)
@click.option("--instance-count", type=click.IntRange(1), help="Azure ML: instances; 1.")
@click.option("--compute", metavar="NAME", help="Azure ML: a batch endpoint's cluster.")
@click.option(
    "--mini-batch-size",
    type=click.IntRange(1),
    metavar="N",
    help="Azure ML: how many files a call of a batch endpoint's model takes; 10.",
)
@click.option(
    "--concurrency", type=click.IntRange(1), metavar="N",
    help="Azure ML: calls at once on each instance of a batch endpoint's cluster; 1.",
)  # fmt: skip
@click.option("--environment", metavar="REF", help="Azure ML: what a --script runs in.")
@click.option(
    "--code",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Azure ML: a folder around the --script, to be uploaded whole; else it goes alone.",
)
@click.option("--yes", is_flag=True, help="Azure ML: do not ask whether it may cost money.")
@quiet_option
@json_option
def deploy(
    name: str,
    model: str,
    deployment: str | None,
    traffic: int | None,
    script: Path | None,
    timeout: float,
    instance_type: str | None,
    instance_count: int | None,
    compute: str | None,
    mini_batch_size: int | None,
    concurrency: int | None,
    environment: str | None,
    code: Path | None,
    yes: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Put a model behind an endpoint, and wait until it answers."""
    from fmtui.services import azure_endpoints, endpoints

    if code is not None and script is None:
        raise UsageError("--code is the folder around a --script", hint="Say --script too.")
    if azure_endpoints.owns(context(), name):
        cost, _ = azure_endpoints.plan_deploy(
            context(), name, model, instance_type, instance_count or 1, compute
        )
        sent = ""
        if script is not None:
            sent = f" {azure_endpoints.plan_code(context(), name, script, code)}."
        consent(f"Deploy {model} on {name}: {cost}.{sent}", yes)
        deployed = azure_endpoints.deploy(
            context(),
            name,
            model,
            name=deployment,
            traffic=traffic,
            script=script,
            code=code,
            environment=environment,
            instance_type=instance_type,
            instance_count=instance_count or 1,
            compute=compute,
            mini_batch_size=mini_batch_size,
            concurrency=concurrency,
            progress=reporter(quiet),
        )
        print_endpoint(deployed, as_json)
        return
    there = {"instance-type": instance_type, "instance-count": instance_count,
             "compute": compute, "mini-batch-size": mini_batch_size, "concurrency": concurrency,
             "environment": environment, "code": code}  # fmt: skip
    if option := next((option for option, value in there.items() if value is not None), None):
        raise UsageError(
            f"--{option} is for endpoints in Azure ML, as {name} is not as far as is known here",
            hint="`fmtui endpoint list --target azureml` takes in what was made elsewhere.",
        )
    info = endpoints.deploy(
        context(),
        name,
        model,
        name=deployment,
        traffic=traffic,
        script=script,
        timeout=timeout,
        progress=reporter(quiet),
    )
    print_endpoint(info, as_json)


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
        context(), owner, deployment, instance_count, progress=reporter(quiet)
    )
    print_endpoint(info, as_json)
