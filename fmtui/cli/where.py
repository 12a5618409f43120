"""The options that say where a run runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
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
        help="Here, on a cluster, or in Azure ML.",
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
_AZURE = (
    click.option("--compute", metavar="NAME", help="Azure ML: a compute cluster."),
    click.option(
        "--instance-type",
        metavar="SKU",
        help="Azure ML: of serverless compute; left out, the first that the model recommends.",
    ),
    click.option("--experiment", metavar="NAME", help="Azure ML: the experiment; fmtui."),
    click.option(
        "--azure-tag", "azure_tags", multiple=True, metavar="KEY=VALUE", help="Azure ML: tags."
    ),
    click.option("--subscription", metavar="ID", help="Azure ML: the subscription."),
    click.option("--resource-group", metavar="NAME", help="Azure ML: the resource group."),
    click.option("--workspace", metavar="NAME", help="Azure ML: the workspace."),
    click.option("--profile", metavar="NAME", help="Azure ML: see `fmtui azure profiles`."),
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
        for option in reversed((*_SLURM, *(_SEVERAL if several else ()), *_AZURE)):
            command = option(command)
        return command

    return add


def where_of(values: Mapping[str, Any]) -> Where:
    """What the options say."""
    slurm = pairs(values["slurm"], "--slurm")
    tags = pairs(values["azure_tags"], "--azure-tag")
    return Where(**{**values, "slurm": slurm, "azure_tags": tags})


def where_over(where: Where, values: Mapping[str, Any], given: Collection[str]) -> Where:
    """`where` with the options that were given on the command line put over it."""
    over = {f.name: values[f.name] for f in fields(Where) if f.name in given}
    for name, option in (("slurm", "--slurm"), ("azure_tags", "--azure-tag")):
        if name in over:
            over[name] = getattr(where, name) | pairs(over[name], option)
    return replace(where, **over)
