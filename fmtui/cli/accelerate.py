"""`fmtui run accelerate`."""

from __future__ import annotations

from typing import IO

import click

from fmtui.cli.output import clean, progress
from fmtui.services.context import context


@click.command()
@click.argument("ref", metavar="RUN")
@click.option(
    "--from",
    "source",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Start from this config the next time; - reads it from stdin.",
)
def accelerate(ref: str, source: IO[str] | None) -> None:
    """Print how the several processes of a run are started, or change it.

    What is changed is used when the run starts, or is resumed.
    """
    from fmtui.services import accelerate as service

    ctx = context()
    if source is None:
        click.echo(clean(service.text_of(ctx, ref)), nl=False)
    else:
        service.change(ctx, ref, source.read())
        progress(f"{ref} starts from it the next time.")
