"""`fmtui model`: import, show, verify, try and remove models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmtui.cli.adopt import adopt
from fmtui.cli.azure_import import check_local, import_options, into_azure
from fmtui.cli.elsewhere import download, upload
from fmtui.cli.keeping import Line, disk, export, load, note, tag, verify
from fmtui.cli.output import (
    clean,
    json_option,
    number,
    print_json,
    progress,
    quiet_option,
    size,
    table,
)
from fmtui.cli.predict import predict
from fmtui.errors import BadInputError, UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.models import Preflight
    from fmtui.services.smoke import Smoke


@click.group()
def model() -> None:
    """Import, show, verify and try models."""


@model.command("list")
@click.argument("query", nargs=-1)
@click.option("--tag", help="Only models with this tag.")
@json_option
def list_(query: tuple[str, ...], tag: str | None, as_json: bool) -> None:
    """List the models that are registered here; those that hold every word of QUERY."""
    from fmtui.services import models

    found = [m for m in models.list_models(context()) if tag is None or tag in m.tags]
    found = [m for m in found if models.holds(m, " ".join(query))]
    if as_json:
        print_json([info.as_json() for info in found])
        return
    if not found:
        click.echo("No models yet. Import one: fmtui model import FOLDER --name NAME")
        return
    table(
        ("model", "task", "architecture", "params", "size", "license", "state", "from"),
        (
            (
                info.ref,
                info.task or "–",
                info.architecture or "–",
                number(info.parameters),
                size(info.size_bytes),
                info.license or "–",
                info.state,
                info.parent or info.origin,
            )
            for info in found
        ),
        right="params size",
    )


@model.command()
@click.argument("ref", metavar="MODEL")
@json_option
def show(ref: str, as_json: bool) -> None:
    """Show a model: what it is, its files, where it came from and what became of it."""
    from fmtui.services import family, models

    ctx = context()
    info = models.show(ctx, ref)
    line = family.family(ctx, ref)
    if as_json:
        print_json(info.as_json() | {"lineage": [member.as_json() for member in line]})
        return
    rows = [
        ("task", info.task or "–"),
        ("architecture", info.architecture or "–"),
        ("parameters", number(info.parameters)),
        ("size", size(info.size_bytes)),
        ("license", info.license or "–"),
        ("labels", _few(info.labels) or "–"),
        ("from", info.origin),
        ("tags", " ".join(info.tags) or "–"),
        ("note", info.note or "–"),
        ("state", f"{info.state} {(info.verified or '')[:16].replace('T', ' ')}".strip()),
        ("path", info.path),
    ]
    click.echo(click.style(clean(info.ref), bold=True))
    for label, value in rows:
        click.echo(f"{label.ljust(12)}  {clean(value)}")
    click.echo()
    for member in line:
        name = click.style(member.model.ref, bold=member.here)
        click.echo(f"{member.branch}{name}   {clean(member.words())}".rstrip())
    click.echo()
    table(
        ("file", "size", "sha256"),
        ((file.path, size(file.size), file.sha256) for file in models.files(ctx, ref)),
        right="size",
    )


def _few(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:8])
    return f"{shown}, … ({len(labels)})" if len(labels) > 8 else shown


@model.command("import")
@click.argument("source", metavar="REF_OR_PATH")
@click.option("--name", help="The name to register it under; its own when left out.")
@click.option("--dry-run", is_flag=True, help="Show what would come; fetch no weights.")
@click.option(
    "--convert-pickle", is_flag=True, help="Scan pickled weights and convert them to safetensors."
)
@click.option(
    "--trust-remote-code", is_flag=True, help="Take the model's own code too; it runs on use."
)
@click.option("--no-smoke", is_flag=True, help="Don't let the model answer a text at the end.")
@import_options
@quiet_option
@json_option
def import_(
    source: str,
    name: str | None,
    dry_run: bool,
    convert_pickle: bool,
    trust_remote_code: bool,
    no_smoke: bool,
    quiet: bool,
    as_json: bool,
    **azure: Any,
) -> None:
    """Import a folder, hf:ORG/NAME[@REVISION], azureml:NAME, a GGUF file or a bundle.tar.

    Only safetensors are taken, or made of what can be converted; every file is checked on its
    way in. A download that was interrupted goes on where it was.
    """
    from fmtui.services import models

    if azure.pop("backend") == "azureml":
        for option, given in (
            ("--dry-run", dry_run), ("--convert-pickle", convert_pickle),
            ("--trust-remote-code", trust_remote_code), ("--no-smoke", no_smoke),
        ):  # fmt: skip
            if given:
                raise UsageError(f"{option} is for an import to this machine")
        into_azure(source, name, azure, quiet=quiet, as_json=as_json)
        return
    check_local(azure)
    if source.endswith(".tar"):
        for option, given in (
            ("--dry-run", dry_run), ("--name", bool(name)), ("--convert-pickle", convert_pickle),
        ):  # fmt: skip
            if given:
                raise UsageError(f"{option} is not for a bundle, whose models have their names")
        load(Path(source), quiet, as_json, trust=trust_remote_code)
        return
    allowed = models.Permissions(convert_pickle, trust_remote_code)
    if dry_run:
        _show_checks(models.preflight(context(), source, permissions=allowed), as_json)
        return
    info = models.import_model(
        context(), source, name=name, progress=Line(quiet).show, permissions=allowed
    )
    tried = None if no_smoke else _try(info.ref, quiet)
    if as_json:
        print_json(info.as_json())
        return
    facts = (info.task, info.architecture, f"{number(info.parameters)} parameters")
    click.echo(f"{info.ref}   {'  '.join(clean(f) for f in facts if f)}  {size(info.size_bytes)}")
    if tried is not None and tried.ok:
        click.echo(clean(tried.line()))


def _show_checks(found: Preflight, as_json: bool) -> None:
    """What an import would bring; exit code 4 when it would be refused."""
    if as_json:
        print_json(found.as_json())
    else:
        marks = {"ok": "✓", "warning": "!", "no": "✗"}
        for check in found.checks:
            click.echo(f"{marks[check.mark]} {check.name.ljust(12)}  {clean(check.text)}")
    if not found.ok:
        sys.exit(BadInputError.exit_code)


def _try(ref: str, quiet: bool) -> Smoke:
    """Let the model answer once; what failed is a warning, the model stays."""
    from fmtui.services.smoke import smoke

    progress(f"trying {ref}", quiet=quiet)
    tried = smoke(context(), ref)
    if not tried.ok:
        click.echo(f"Warning: {clean(tried.line())}", err=True)
    return tried


@model.command()
@click.argument("ref", metavar="MODEL")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--purge-cache", is_flag=True, help="Delete it from the hub's cache too, which others share."
)
def remove(ref: str, yes: bool, purge_cache: bool) -> None:
    """Remove a version of a model and its files."""
    from fmtui.services import models

    ctx = context()
    info = models.show(ctx, ref)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {info.ref} ({size(info.size_bytes)})?", abort=True)
    models.remove(ctx, info.ref)
    click.echo(f"removed {info.ref}")
    if purge_cache:
        from fmtui.services import keeping

        click.echo(f"{size(keeping.purge(ctx, info))} freed in the hub's cache")


model.add_command(predict)
for command in (verify, tag, note, disk, export, download, upload):
    model.add_command(command)
model.add_command(adopt)
