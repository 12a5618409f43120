"""`fmtui evaluate`."""

from __future__ import annotations

from typing import Any

import click

from fmtui.cli.output import column_pairs, json_option, pairs, quiet_option
from fmtui.cli.tags import tag_option
from fmtui.cli.where import where_of, where_options
from fmtui.services.context import context


@click.command()
@click.argument("model")
@click.option("--data", required=True, metavar="DATA", help="A dataset or a file.")
@click.option("--task", help="Left out: what the model does.")
@click.option(
    "--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message,label=intent"
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="num_beams=4")
@where_options(several=False)
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that have a fault.")
@tag_option
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def evaluate(
    model: str,
    data: str,
    task: str | None,
    columns: tuple[str, ...],
    settings: tuple[str, ...],
    drop_invalid: bool,
    tags: tuple[str, ...],
    wait: bool,
    quiet: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Measure MODEL on your own test data."""
    from fmtui.cli.watch import finish, warn
    from fmtui.services import evaluate as service

    request = service.EvaluateRequest(
        model,
        data,
        column_pairs(columns),
        task,
        pairs(settings, "--set"),
        drop_invalid,
        where_of(where),
        tags,
    )
    ctx = context()
    info = service.start(ctx, request)
    warn(ctx, info, quiet=quiet)
    finish(ctx, info, wait=wait, as_json=as_json, quiet=quiet)
