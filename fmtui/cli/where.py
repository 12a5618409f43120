"""The options that say where a run runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from fmtui.cli.output import pairs
from fmtui.services.where import KINDS, NAMES, Where

F = TypeVar("F", bound=Callable[..., Any])

_SLURM = (
    click.option(
        "--backend",
        type=click.Choice(NAMES),
        default="local",
        show_default=True,
        help="Here, or on a cluster.",
    ),
    click.option("--partition", help="Slurm: the partition; left out, the cluster's default."),
    click.option("--gpus", type=int, metavar="N", help="Slurm: GPUs on each node."),
    click.option("--time-limit", metavar="TIME", help="Slurm: minutes, 1:30:00 or 2-12:00:00."),
    click.option("--account", help="Slurm: whose share is used."),
    click.option("--qos", help="Slurm: the quality of service."),
    click.option(
        "--requeue/--no-requeue",
        default=None,
        help="Slurm: when the time is over or the job is preempted, queue it again; it goes on "
        "from its last checkpoint.",
    ),
    click.option(
        "--slurm", multiple=True, metavar="OPTION=VALUE", help="Any other option of sbatch: mem=64G"
    ),
)
_SEVERAL = (
    click.option("--nodes", type=int, metavar="N", help="Slurm: nodes."),
    click.option(
        "--num-processes",
        "processes",
        type=click.IntRange(1),
        metavar="N",
        help="Train in N processes, of all machines together. Left out: one, or one for each GPU "
        "that Slurm gives.",
    ),
    click.option(
        "--num-machines",
        "machines",
        type=click.IntRange(1),
        metavar="N",
        help="Train on N machines that all see this home; `fmtui run join` starts the others.",
    ),
    click.option(
        "--main-address",
        "address",
        metavar="HOST[:PORT]",
        help="Where the other machines find this one.",
    ),
    click.option(
        "--accelerate-config",
        "config",
        metavar="FILE",
        help="Start the processes from this file of accelerate's; left out, one is written.",
    ),
    click.option(
        "--distributed",
        type=click.Choice(KINDS),
        default="ddp",
        show_default=True,
        help="How several processes share the model: whole in each, or in parts.",
    ),
)


def where_options(*, several: bool) -> Callable[[F], F]:
    """Add the options; `several` for what can train in several processes."""

    def add(command: F) -> F:
        for option in reversed((*_SLURM, *(_SEVERAL if several else ()))):
            command = option(command)
        return command

    return add


def where_of(values: Mapping[str, Any]) -> Where:
    """What the options say."""
    slurm = pairs(values["slurm"], "--slurm")
    return Where(**{**values, "slurm": slurm})
