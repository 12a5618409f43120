"""`fmtui endpoint`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fmtui.cli.azure import azure_options
from fmtui.cli.deployment import consent, print_endpoint, scale
from fmtui.cli.output import clean, json_option, pairs, print_json, progress, quiet_option, table
from fmtui.errors import BadInputError, NotFoundError, UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from collections.abc import Callable

    from fmtui.services.endpoints import EndpointInfo, Which


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
    auth: str | None,
    quiet: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Make an endpoint and start its server."""
    from fmtui.services import azure_endpoints, endpoints

    if target == "azureml":
        if kind == "serverless":
            words = "paid for by token as its publisher says, nothing while nobody asks"
            consent(f"Create {name} for {model or '?'}: {words}.", yes)
        made = azure_endpoints.create(
            context(),
            name,
            kind=kind,
            model=model,
            auth=auth,
            given=given,
            progress=_reporter(quiet),
        )
        print_endpoint(made, as_json)
        return
    if kind != "online":
        raise UsageError(
            f"--kind {kind} is for --target azureml", hint="`fmtui batch score` is here."
        )
    info = endpoints.create(
        context(), name, target=target, host=host, port=port, progress=_reporter(quiet)
    )
    if not endpoints.is_private(host):
        progress(f"{info.url} is open to the network, without encryption.", quiet=quiet)
    print_endpoint(info, as_json)


@endpoint.command()
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
@click.option("--instance-count", type=click.IntRange(1), default=1, help="Azure ML: instances.")
@click.option("--compute", metavar="NAME", help="Azure ML: a batch endpoint's cluster.")
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
    instance_count: int,
    compute: str | None,
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
        cost, place = azure_endpoints.plan_deploy(
            context(), name, model, instance_type, instance_count, compute
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
            instance_type=place.size.name,
            instance_count=instance_count,
            compute=compute,
            progress=_reporter(quiet),
        )
        print_endpoint(deployed, as_json)
        return
    if code is not None:
        raise UsageError("--code is for endpoints in Azure; a script here stands alone")
    info = endpoints.deploy(
        context(),
        name,
        model,
        name=deployment,
        traffic=traffic,
        script=script,
        timeout=timeout,
        progress=_reporter(quiet),
    )
    print_endpoint(info, as_json)


@endpoint.command()
@click.argument("name")
@click.option("--body", required=True, metavar="JSON|@FILE|-", help="The request; - is stdin.")
@click.option("--deployment", help="Which deployment shall answer; else the traffic decides.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="A file with the key; else $FMTUI_ENDPOINT_KEY, else the endpoint's own.",
)
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, hidden=True, help="The answer is JSON anyway.")
def invoke(
    name: str,
    body: str,
    deployment: str | None,
    key_file: Path | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Send a request and print what the endpoint answered."""
    from fmtui.services import endpoints

    result = endpoints.invoke(
        context(), name, _body(body), deployment=deployment, key=_key(key_file), timeout=timeout
    )
    result.check()
    click.echo(clean(result.body) if sys.stdout.isatty() else result.body)


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
        found = azure_endpoints.list_endpoints(context(), given)
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
@click.option("-n", "--lines", default=200, show_default=True, help="How many of the last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on until interrupted; not for Azure ML.")
@click.option("--deployment", metavar="D", help="Azure ML: of which; the one with most traffic.")
@click.option(
    "--container",
    type=click.Choice(["inference-server", "storage-initializer"]),
    default="inference-server",
    show_default=True,
    help="Azure ML: which of the two containers.",
)
def logs(name: str, lines: int, follow: bool, deployment: str | None, container: str) -> None:
    """Requests, restarts and stack traces."""
    from fmtui.services import azure_endpoints, endpoints

    if azure_endpoints.owns(context(), name):
        printed = azure_endpoints.logs(
            context(), name, deployment=deployment, container=container, lines=lines
        )
        click.echo(clean(printed), nl=not printed.endswith("\n"))
        return
    path = endpoints.log_path(context(), name)
    try:
        with path.open("rb") as file:
            _print_tail(file.fileno(), lines)
            while follow and path.exists():
                time.sleep(0.2)
                if text := file.read():
                    click.echo(clean(text.decode("utf-8", "replace")), nl=False)
    except FileNotFoundError as error:
        raise NotFoundError(f"endpoint `{name}` has no log") from error


@endpoint.command()
@click.argument("name")
@click.option("--regenerate", type=click.Choice(["primary", "secondary"]), help="Replace one.")
@json_option
def keys(name: str, regenerate: str | None, as_json: bool) -> None:
    """The two keys that open the endpoint."""
    from fmtui.services import endpoints

    if regenerate:
        found = endpoints.regenerate(context(), name, cast("Which", regenerate))
    else:
        found = endpoints.keys(context(), name)
    if as_json:
        print_json({"primary": found.primary, "secondary": found.secondary})
    else:
        click.echo(f"primary    {found.primary}\nsecondary  {found.secondary}")


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
    from fmtui.services import azure_endpoints, endpoints

    owner, slash, deployment = name.partition("/")
    if azure_endpoints.owns(context(), owner):
        consent(f"Delete {name} in Azure ML.", yes)
    if slash:
        print_endpoint(endpoints.delete_deployment(context(), owner, deployment), as_json)
        return
    endpoints.delete(context(), name)
    if as_json:
        print_json({"endpoint": name, "state": "deleted"})
    else:
        click.echo(f"{name} deleted")


@endpoint.command()
@click.argument("name")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds until it is healthy.")
@quiet_option
@json_option
def start(name: str, timeout: float, quiet: bool, as_json: bool) -> None:
    """Bring an endpoint back, with all that was deployed."""
    from fmtui.services import endpoints

    info = endpoints.start(context(), name, timeout=timeout, progress=_reporter(quiet))
    print_endpoint(info, as_json)


@endpoint.command()
@click.argument("name")
@json_option
def stop(name: str, as_json: bool) -> None:
    """End an endpoint's processes; it keeps its port, keys and deployments."""
    from fmtui.services import endpoints

    print_endpoint(endpoints.stop(context(), name), as_json)


def _reporter(quiet: bool) -> Callable[[str], None]:
    return lambda text: progress(text, quiet=quiet)


def _deployments(info: EndpointInfo) -> str:
    return ", ".join(f"{d.name} {d.model} {d.traffic}%" for d in info.deployments) or "none"


def _body(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror or error}", file=text[1:]) from error


def _key(file: Path | None) -> str | None:
    """The key of the person's choice; never from the command line, which everybody can list."""
    if file is None:
        return os.environ.get("FMTUI_ENDPOINT_KEY") or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError("can't be read as a key", file=str(file)) from error


def _print_tail(handle: int, lines: int) -> None:
    """Print the last lines and leave the file's position at its end."""
    end = os.lseek(handle, 0, os.SEEK_END)
    start, found = end, b""
    while start and found.count(b"\n") <= lines:
        start = max(0, start - 65536)
        found = os.pread(handle, end - start, start)
    text = b"\n".join(found.split(b"\n")[-lines - 1 :]) if lines else b""
    click.echo(clean(text.decode("utf-8", "replace")), nl=False)


endpoint.add_command(scale)
