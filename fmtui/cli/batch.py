"""`fmtui batch`."""

from __future__ import annotations

from pathlib import Path

import click

from fmtui.cli.deployment import consent
from fmtui.cli.output import column_pairs, json_option, print_json, progress, quiet_option
from fmtui.services.context import context


@click.group()
def batch() -> None:
    """Answer every row of a file with a model."""


@batch.command()
@click.argument("model")
@click.option("--data", required=True, metavar="DATA", help="A dataset or a file.")
@click.option(
    "--to", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="What to write: its rows with the answers, as csv, tsv, jsonl or parquet.",
)  # fmt: skip
@click.option("--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message")
@click.option("--all-scores", is_flag=True, help="Every class with its score, best first.")
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that have a fault.")
@click.option("--replace", is_flag=True, help="Write over a file that is there.")
@quiet_option
@json_option
def score(
    model: str,
    data: str,
    to: Path,
    columns: tuple[str, ...],
    all_scores: bool,
    drop_invalid: bool,
    replace: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write a file of DATA with what MODEL answers to each row.

    What ends early goes on by the same command: answers are kept in chunks as they come.
    """
    from fmtui.services import batch as service

    def told(done: int, rows: int) -> None:
        progress(f"{done:,} of {rows:,} rows", quiet=quiet)

    progress(f"loading {model}", quiet=quiet)
    scored = service.score(
        context(),
        model,
        data,
        to,
        columns=column_pairs(columns),
        params={"return_all_scores": True} if all_scores else None,
        drop_invalid=drop_invalid,
        replace=replace,
        told=told,
    )
    if as_json:
        print_json(scored.as_json())
        return
    note = f", {scored.dropped:,} left out" if scored.dropped else ""
    click.echo(f"{scored.rows:,} rows in {scored.to}{note}")


@batch.command()
@click.argument("name", metavar="ENDPOINT[/DEPLOYMENT]")
@click.option("--data", required=True, metavar="DATA", help="A dataset, a file or a data asset.")
@click.option(
    "--columns", multiple=True, metavar="NAME=COLUMN,...",
    help="The model's columns: input_string=text. All of the file's where left out.",
)  # fmt: skip
@click.option("--experiment", metavar="NAME", help="The experiment; fmtui where left out.")
@click.option("--yes", is_flag=True, help="Do not ask whether it may cost money.")
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def invoke(
    name: str,
    data: str,
    columns: tuple[str, ...],
    experiment: str | None,
    yes: bool,
    wait: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Let a batch endpoint in Azure ML answer a file.

    The job is a run: followed, canceled and found again like any other. Its answers come into the
    run's folder, under output/answers.
    """
    from fmtui.cli.watch import finish
    from fmtui.services import azure_batch

    ctx = context()
    job = azure_batch.plan(ctx, name)
    consent(f"Answer {data} by {job.endpoint}/{job.deployment.name}: {job.cost}.", yes)
    info = azure_batch.start(ctx, name, data, columns=column_pairs(columns), experiment=experiment)
    finish(ctx, info, wait=wait, as_json=as_json, quiet=quiet)
