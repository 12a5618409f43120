"""`fmtui run adopt`, `fmtui model download` and `upload`: what runs or lies in Azure ML."""

from __future__ import annotations

import click

from fmtui.cli.azure_options import azure_options
from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option
from fmtui.services.context import context


@click.command()
@click.argument("job")
@click.option("--task", help="What its model is for, if you know.")
@azure_options
@json_option
def adopt(job: str, task: str | None, as_json: bool, **given: str | None) -> None:
    """Follow JOB of Azure ML, which was started elsewhere, as a run from now on."""
    from fmtui.services import azure_runs

    info = azure_runs.adopt(context(), job, task=task, given=given)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.run} follows {clean(job)}: fmtui run logs {info.run} -f")


@click.command()
@click.argument("ref")
@quiet_option
@json_option
def download(ref: str, quiet: bool, as_json: bool) -> None:
    """Fetch the files of a model that lies in Azure ML."""
    from fmtui.services import remote

    progress(f"downloading {ref}", quiet=quiet)
    info = remote.download(context(), ref)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.ref} is here: {info.path}")


@click.command()
@click.argument("ref", metavar="MODEL")
@click.option("--name", help="What the workspace calls it; its own name when left out.")
@azure_options
@quiet_option
@json_option
def upload(ref: str, name: str | None, quiet: bool, as_json: bool, **given: str | None) -> None:
    """Register a model of this machine in the workspace of Azure ML, to deploy it there.

    It goes in MLflow's form, so that Azure ML serves it without code. An upload that was
    interrupted is taken up by the same command.
    """
    from fmtui.services import azure_upload

    def told(words: str) -> None:
        progress(words, quiet=quiet)

    info = azure_upload.upload(context(), ref, name=name, given=given, told=told)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.ref} lies in the workspace: fmtui endpoint deploy E --model {info.ref}")
