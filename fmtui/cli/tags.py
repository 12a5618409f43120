"""`fmtui run tag`, and `--tag` where a run is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fmtui.cli.output import clean, json_option, print_json
from fmtui.services.context import context

F = TypeVar("F", bound=Callable[..., Any])


def tag_option(command: F) -> F:
    """`--tag WORD`, as often as wanted."""
    return click.option(
        "--tag", "tags", multiple=True, metavar="WORD", help="A word to find the run again by."
    )(command)


@click.command()
@click.argument("ref", metavar="RUN")
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.argument("tags", nargs=-1, required=True)
@json_option
def tag(ref: str, change: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Put tags on a run, or take them off."""
    from fmtui.services import tags as service

    add, remove = (tags, ()) if change == "add" else ((), tags)
    info = service.tag(context(), ref, add=add, remove=remove)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.run}: {clean(' '.join(info.tags)) or 'no tags'}")
