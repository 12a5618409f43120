"""`fmtui model`'s commands for keeping: verify, tag, note, disk, export and bundles."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmtui.cli.output import (
    clean,
    json_option,
    print_json,
    progress,
    quiet_option,
    size,
    table,
)
from fmtui.errors import BadInputError, UsageError
from fmtui.services.context import context
from fmtui.services.text import duration

if TYPE_CHECKING:
    from fmtui.services.models import ImportProgress


@click.command()
@click.argument("refs", metavar="[MODEL]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every model that is registered.")
@quiet_option
@json_option
def verify(refs: tuple[str, ...], everything: bool, quiet: bool, as_json: bool) -> None:
    """Hash models' files and hold them against what was recorded."""
    from fmtui.services import models

    ctx = context()
    if bool(refs) == everything:
        raise UsageError("which models?", hint="Name them, or give --all.")
    names = [m.ref for m in models.list_models(ctx)] if everything else list(refs)
    reports = [models.verify(ctx, ref, Line(quiet).show) for ref in names]
    if as_json:
        told = [report.as_json() for report in reports]
        print_json(told[0] if len(refs) == 1 else told)
    else:
        for report in reports:
            if report.ok:
                click.echo(f"{report.ref}: verified")
    found = [
        f"{report.ref} is not what was registered: "
        + ", ".join(
            [f"{name} is missing" for name in report.missing]
            + [f"{name} has changed" for name in report.changed]
        )
        for report in reports
        if not report.ok
    ]
    if found and as_json:
        sys.exit(BadInputError.exit_code)
    if found:
        raise BadInputError("; ".join(found), hint="Remove it and import it again.")


@click.command()
@click.argument("ref", metavar="MODEL")
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.argument("tags", nargs=-1, required=True)
def tag(ref: str, change: str, tags: tuple[str, ...]) -> None:
    """Put tags on a model, or take them off."""
    from fmtui.services import keeping

    add, remove = (tags, ()) if change == "add" else ((), tags)
    info = keeping.tag(context(), ref, add=add, remove=remove)
    click.echo(f"{info.ref}: {clean(' '.join(info.tags)) or 'no tags'}")


@click.command()
@click.argument("ref", metavar="MODEL")
@click.argument("text")
def note(ref: str, text: str) -> None:
    """Write a note on a model; an empty TEXT takes it away."""
    from fmtui.services import keeping

    info = keeping.note(context(), ref, text)
    click.echo(f"{info.ref}: {clean(info.note or 'no note')}")


@click.command()
@json_option
def disk(as_json: bool) -> None:
    """Show what models take on the disk, and which bytes lie elsewhere too."""
    from fmtui.services import keeping

    found = keeping.disk(context())
    if as_json:
        print_json(found.as_json())
        return
    table(
        ("model", "size", "own", "in other models", "in the hub's cache", "in runs"),
        (
            (m.ref, size(m.bytes), size(m.own), size(m.models), size(m.cache), size(m.runs))
            for m in found.models
        ),
        right="size own models cache runs",
    )
    click.echo(f"{size(found.total)} in all, shared bytes counted once")


@click.command()
@click.argument("refs", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--to", required=True, type=click.Path(path_type=Path), help="The file or folder to write."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["bundle", "mlflow"]),
    default="bundle",
    help="bundle: a tar file for fmtui. mlflow: a folder that Azure ML deploys without code.",
)
@click.option(
    "--flavor", metavar="F", help="Of mlflow: transformers or hftransformersv2; by the task."
)
@quiet_option
@json_option
def export(
    refs: tuple[str, ...], to: Path, form: str, flavor: str | None, quiet: bool, as_json: bool
) -> None:
    """Write models, what they were made of, and their runs to one tar file.

    `fmtui model import` reads it on another machine. The same models make the same bytes.
    With --format mlflow one model becomes a folder, in the form of Azure ML's catalogue.
    """
    if form == "mlflow":
        _export_mlflow(refs, to, flavor, as_json)
        return
    if flavor is not None:
        raise click.UsageError("--flavor is of --format mlflow.")
    from fmtui.services import keeping

    models, written = keeping.export(context(), refs, to, Line(quiet).show)
    if as_json:
        print_json({"path": str(to), "bytes": written, "models": [m.ref for m in models]})
    else:
        click.echo(f"{to}: {size(written)}")


def _export_mlflow(refs: tuple[str, ...], to: Path, flavor: str | None, as_json: bool) -> None:
    from fmtui.services import mlflow_model

    if len(refs) > 1:
        raise click.UsageError("--format mlflow takes one model.")
    folder = mlflow_model.export_mlflow(context(), refs[0], to, flavor=flavor)
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if as_json:
        print_json({"path": str(folder), "bytes": written, "models": list(refs)})
        return
    click.echo(f"{folder}: {size(written)}")


def load(bundle: Path, quiet: bool, as_json: bool, *, trust: bool) -> None:
    """Register what a bundle holds, and tell what was new."""
    from fmtui.services import keeping

    models, done = keeping.load(context(), bundle, Line(quiet).show, trust=trust)
    if as_json:
        print_json([info.as_json() for info in models])
        return
    for info in models:
        click.echo(f"{info.ref}   {'new' if info.id in done.new else 'was here already'}")
    if done.runs:
        click.echo(f"{done.runs} runs")


class Line:
    """Progress on stderr: one line that is drawn over on a terminal, one line a file elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._drawn = 0.0
        self._file = ""

    def show(self, at: ImportProgress) -> None:
        if at.total == 0:
            progress(f"{at.stage} {at.file or 'the hub'}", quiet=self._quiet)
        if self._quiet or at.total == 0:
            return
        if not self._live:
            if at.file != self._file and at.file:
                self._file = at.file
                progress(f"{at.stage} {at.file}")
            return
        whole = at.done >= at.total
        if time.monotonic() - self._drawn < 0.1 and not whole:
            return
        self._drawn = time.monotonic()
        text = f"{at.stage} {clean(at.file)}  {size(at.done)} of {size(at.total)}"
        if at.rate:
            text += f"  {size(int(at.rate))}/s"
        if at.seconds_left is not None and not whole:
            text += f"  {duration(at.seconds_left)} left"
        click.echo(f"\r\x1b[K{text[:79]}", err=True, nl=False)
        if whole:
            click.echo("\r\x1b[K", err=True, nl=False)
