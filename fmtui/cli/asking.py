"""`fmtui endpoint invoke`, `logs` and `keys`: an endpoint asked, what it printed, what opens it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fmtui.cli.output import clean, json_option, print_json
from fmtui.errors import BadInputError, NotFoundError
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.endpoints import Which


@click.command()
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


@click.command()
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


@click.command()
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
