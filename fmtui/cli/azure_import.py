"""`fmtui model import --backend azureml`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fmtui.cli.azure_options import azure_options
from fmtui.cli.deployment import consent
from fmtui.errors import UsageError
from fmtui.services.context import context

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--backend",
        type=click.Choice(["local", "azureml"]),
        default="local",
        show_default=True,
        help="Import here, or let Azure ML import it into its workspace.",
    ),
    click.option("--task", metavar="TASK", help="Azure ML: what it does; else its card says it."),
    click.option("--compute", metavar="NAME", help="Azure ML: a compute cluster."),
    click.option("--instance-type", metavar="SKU", help="Azure ML: of serverless compute."),
    click.option("--experiment", metavar="NAME", help="Azure ML: the experiment; fmtui."),
    click.option("--yes", is_flag=True, help="Azure ML: do not ask whether it may cost money."),
    click.option("--wait/--detach", default=False, help="Azure ML: wait for its end."),
)


def import_options(command: F) -> F:
    """Add the options of an import into Azure ML."""
    command = azure_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_local(given: dict[str, Any]) -> None:
    """Raise UsageError for an option of Azure ML's in an import to this machine."""
    for name, value in given.items():
        if value and name != "yes":
            word = name.replace("_", "-")
            raise UsageError(f"--{word} is for --backend azureml", hint="Leave it out.")


def into_azure(
    ref: str, name: str | None, given: dict[str, Any], *, quiet: bool, as_json: bool
) -> None:
    """Let Azure ML import a model of the hub; `given` holds what `import_options` adds."""
    from fmtui.cli.watch import finish
    from fmtui.services import azure_import
    from fmtui.services.where import Where

    task, yes, wait = given.pop("task"), given.pop("yes"), given.pop("wait")
    ctx = context()
    where = Where(backend="azureml", **given)
    ready = azure_import.prepare(ctx, ref, name=name, task=task, where=where)
    consent(f"Import {ref} into {ready.workspace} as {ready.name}: {ready.cost}.", yes)
    finish(ctx, azure_import.start(ctx, ready), wait=wait, as_json=as_json, quiet=quiet)
