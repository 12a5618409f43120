"""`fmtui finetune`."""

from __future__ import annotations

from typing import Any

import click

from fmtui.cli.output import column_pairs, json_option, pairs, quiet_option
from fmtui.cli.tags import tag_option
from fmtui.cli.where import where_of, where_options
from fmtui.services.context import context


@click.command()
@click.argument("model")
@click.option("--task", required=True, help="text-classification")
@click.option("--train", required=True, metavar="DATA", help="A dataset or a file.")
@click.option("--validation", metavar="DATA", help="Left out: a part of the training data.")
@click.option("--name", help="What to call the model that comes out.")
@click.option(
    "--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message,label=intent"
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="num_train_epochs=3")
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="A run for each value; several of these make the grid.",
)
@click.option(
    "--report-to",
    multiple=True,
    metavar="TRACKER",
    help="tensorboard, wandb, mlflow, ...; none. Left out: tensorboard where it is installed.",
)
@where_options(several=True)
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that have a fault.")
@click.option("--priority", default=0, help="In the queue a higher number goes first.")
@tag_option
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def finetune(
    model: str,
    task: str,
    train: str,
    validation: str | None,
    name: str | None,
    columns: tuple[str, ...],
    settings: tuple[str, ...],
    sweeps: tuple[str, ...],
    report_to: tuple[str, ...],
    drop_invalid: bool,
    priority: int,
    tags: tuple[str, ...],
    wait: bool,
    quiet: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Finetune MODEL on your own data; a new model version comes out."""
    from fmtui.cli.watch import finish
    from fmtui.services import finetune as service

    request = service.FinetuneRequest(
        model=model,
        task=task,
        train=train,
        validation=validation,
        name=name,
        columns=column_pairs(columns),
        settings=pairs(settings, "--set"),
        where=where_of(where),
        drop_invalid=drop_invalid,
        priority=priority,
        tags=tags,
        report_to=tuple(part for word in report_to for part in word.split(",") if part),
    )
    ctx = context()
    if sweeps:
        from fmtui.cli.sweep import start_sweep

        start_sweep(ctx, request, sweeps, wait=wait, as_json=as_json, quiet=quiet)
        return
    finish(ctx, service.start(ctx, request), wait=wait, as_json=as_json, quiet=quiet)
