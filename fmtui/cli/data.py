"""`fmtui data`."""

from __future__ import annotations

from pathlib import Path

import click

from fmtui.cli.output import column_pairs, json_option, print_json, progress, size, table
from fmtui.services.context import context


@click.group()
def data() -> None:
    """Add, show, check and split data."""


@data.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; the file's name where left out.")
@click.option(
    "--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message,label=intent"
)
@click.option("--new-version", is_flag=True, help="Add to a name that exists.")
@json_option
def add(
    file: Path, name: str | None, columns: tuple[str, ...], new_version: bool, as_json: bool
) -> None:
    """Register a copy of a csv, tsv or jsonl file."""
    from fmtui.services import data as service

    info = service.add(
        context(), file, name=name, columns=column_pairs(columns), new_version=new_version
    )
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.ref}  {info.rows:,} rows  columns {', '.join(info.columns)}")


@data.command("list")
@json_option
def list_(as_json: bool) -> None:
    """What is registered."""
    from fmtui.services import data as service

    found = service.list_datasets(context())
    if as_json:
        print_json([info.as_json() for info in found])
    elif not found:
        progress("No data yet. `fmtui data add FILE --name NAME` adds some.")
    else:
        table(
            ("ref", "rows", "size", "columns", "splits"),
            (
                (
                    d.ref,
                    f"{d.rows:,}",
                    size(d.size_bytes),
                    ", ".join(d.columns),
                    " ".join(f"{k} {v:,}" for k, v in d.splits.items()),
                )
                for d in found
            ),
            right="rows size",
        )


@data.command()
@click.argument("ref")
@click.option("--rows", default=10, show_default=True, help="How many rows to print.")
@json_option
def show(ref: str, rows: int, as_json: bool) -> None:
    """One dataset and its first rows."""
    from fmtui.services import data as service

    info = service.show(context(), ref)
    if as_json:
        print_json(info.as_json())
        return
    click.echo(f"{info.ref}  {info.rows:,} rows  fingerprint {info.fingerprint[:12]}")
    shown = service.preview(context(), ref, rows)
    table(shown.columns, ([cell[:60] for cell in row] for row in shown.rows))


@data.command()
@click.argument("ref")
@click.option("--task", default="text-classification", show_default=True)
@click.option("--columns", multiple=True, metavar="ROLE=COLUMN,...")
@json_option
def check(ref: str, task: str, columns: tuple[str, ...], as_json: bool) -> None:
    """Look for faults: a dataset or a file. Exit code 4 when there are errors."""
    from fmtui.services import data as service

    report = service.check(context(), ref, task=task, columns=column_pairs(columns))
    if as_json:
        print_json(report.as_json())
    else:
        roles = ", ".join(f"{role} = {column}" for role, column in report.columns.items())
        click.echo(f"{report.ref}  {report.rows:,} rows  {roles}")
        for finding in report.errors:
            click.echo(f"error    {finding}")
        for finding in report.warnings:
            click.echo(f"warning  {finding}")
        if not report.errors:
            click.echo(f"✓ no faults, {len(report.warnings)} warnings, {len(report.labels)} labels")
    if report.errors:
        raise click.exceptions.Exit(4)


@data.command()
@click.argument("ref")
@click.option("--validation", default=0.1, show_default=True, help="Share of the rows.")
@click.option("--test", default=0.0, show_default=True, help="Share of the rows.")
@click.option("--seed", default=42, show_default=True)
@json_option
def split(ref: str, validation: float, test: float, seed: int, as_json: bool) -> None:
    """Make a new version with seeded, stratified splits: NAME@train, NAME@validation, NAME@test."""
    from fmtui.services import data as service

    info = service.split(context(), ref, validation=validation, test=test, seed=seed)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"{info.ref}  " + "  ".join(f"{k} {v:,}" for k, v in info.splits.items()))


@data.command()
@click.argument("ref")
@json_option
def remove(ref: str, as_json: bool) -> None:
    """Forget a version and delete its copy."""
    from fmtui.services import data as service

    info = service.remove(context(), ref)
    if as_json:
        print_json(info.as_json())
    else:
        click.echo(f"removed {info.ref}")
