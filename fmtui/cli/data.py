"""`fmtui data`."""

from __future__ import annotations

from pathlib import Path

import click

from fmtui.cli.output import (
    clean,
    column_pairs,
    json_option,
    print_json,
    progress,
    size,
    table,
)
from fmtui.services.context import context


@click.group()
def data() -> None:
    """Add, show, check and split data."""


_TASK = click.option("--task", help="text-classification, ...; left out: by the columns.")
_COLUMNS = click.option(
    "--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message,label=intent"
)


@data.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="What to call it; the file's name where left out.")
@_COLUMNS
@click.option("--new-version", is_flag=True, help="Add to a name that exists.")
@click.option("--repair", is_flag=True, help="Mend answers and tags that are a little off.")
@_TASK
@json_option
def add(
    files: tuple[Path, ...],
    name: str | None,
    columns: tuple[str, ...],
    new_version: bool,
    repair: bool,
    task: str | None,
    as_json: bool,
) -> None:
    """Register a copy of data: csv, tsv, json, jsonl, parquet, CoNLL, SQuAD's json, text, each also
    as .gz; a folder of `datasets.save_to_disk`; or several text FILES whose lines belong together,
    which become a column each."""
    from fmtui.services import data as service

    info = service.add(
        context(),
        files,
        name=name,
        columns=column_pairs(columns),
        new_version=new_version,
        repair=repair,
        task=task,
    )
    if as_json:
        print_json(info.as_json())
    else:
        splits = "".join(f"  {k} {v:,}" for k, v in info.splits.items() if k != "all")
        line = f"{info.ref}  {info.rows:,} rows  columns {', '.join(info.columns)}{splits}"
        click.echo(clean(line))


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
@_TASK
@_COLUMNS
@click.option("--model", metavar="MODEL", help="Count its tokens and hold them to its limit.")
@click.option("--against", multiple=True, metavar="DATA", help="Data that must share no row.")
@click.option("--max-length", type=click.IntRange(1), help="Where a run would cut.")
@click.option("--repair", is_flag=True, help="Look at it as `data add --repair` would keep it.")
@json_option
def check(
    ref: str,
    task: str | None,
    columns: tuple[str, ...],
    model: str | None,
    against: tuple[str, ...],
    max_length: int | None,
    repair: bool,
    as_json: bool,
) -> None:
    """Look for faults: a dataset or a file. Exit code 4 when there are errors."""
    from fmtui.services import data_check as service

    report = service.check(
        context(),
        ref,
        task=task,
        columns=column_pairs(columns),
        model=model,
        against=against,
        max_length=max_length,
        repair=repair,
    )
    if as_json:
        print_json(report.as_json())
    else:
        from fmtui.cli.check import show_report

        show_report(report)
    if report.errors:
        raise click.exceptions.Exit(4)


@data.command()
@click.argument("ref")
@click.option("--validation", default=0.1, show_default=True, help="Share of the rows.")
@click.option("--test", default=0.0, show_default=True, help="Share of the rows.")
@click.option("--seed", default=42, show_default=True)
@_TASK
@json_option
def split(
    ref: str, validation: float, test: float, seed: int, task: str | None, as_json: bool
) -> None:
    """Make a new version with seeded splits: NAME@train, NAME@validation, NAME@test. Labels keep
    their shares; the questions of an article stay together."""
    from fmtui.services import data as service

    info = service.split(context(), ref, validation=validation, test=test, seed=seed, task=task)
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
