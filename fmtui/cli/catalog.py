"""`fmtui catalog`: browse and sync the catalogues of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmtui.cli.azure_options import azure_options
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
from fmtui.errors import UsageError
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.catalog import SyncResult


@click.group()
def catalog() -> None:
    """Browse and sync the catalogues of models."""


@catalog.command("list")
@click.argument("query", nargs=-1)
@click.option("--source", help="Only of this source: azureml.")
@click.option("--task", help="Only models for this task.")
@click.option("--finetune-task", help="Only models that can be finetuned for this task.")
@click.option("--license", help="Only models of this licence.")
@click.option("--size", help="Only within this bound: <1G, >=500M.")
@click.option("--gated/--no-gated", default=None, help="Only what asks for consent, or not.")
@click.option("--imported/--no-imported", default=None, help="Only what is imported here, or not.")
@click.option(
    "--sort",
    help="By rank (the default), downloads, name, source, task, finetune_task, "
    "size, parameters or license.",
)
@click.option("--reverse", is_flag=True, help="The other way round; the unknown stay last.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many.")
@json_option
def list_(query: tuple[str, ...], limit: int, offset: int, as_json: bool, **filters: Any) -> None:
    """List the models that hold every word of QUERY; the beginning of a word is enough."""
    from fmtui.services import catalog as service

    page = service.search(context(), " ".join(query), limit=limit, offset=offset, **filters)
    if as_json:
        print_json([entry.as_json() for entry in page.rows])
        return
    if not page.rows:
        click.echo("Nothing found. `fmtui catalog list` without words shows all.")
        return
    table(
        ("", "model", "task", "finetune", "params", "size", "license"),
        (
            (
                "●" if entry.imported else "",
                entry.ref,
                ", ".join(entry.tasks),
                ", ".join(entry.finetune_tasks),
                number(entry.parameters),
                size(entry.size_bytes),
                entry.license or "–",
            )
            for entry in page.rows
        ),
        right="params size",
    )
    total = f"{page.total}+" if page.capped else str(page.total)
    total = str(len(page.rows)) if len(page.rows) > page.total else total
    progress(f"{len(page.rows)} of {total}   (● imported here)")


@catalog.command()
@click.option("--source", help="Only of this source: azureml, hf.")
@json_option
def changes(source: str | None, as_json: bool) -> None:
    """Show what the last sync of each source changed: new, updated and gone models."""
    from fmtui.services import catalog as service

    found = [c for c in service.changes(context()) if source in (None, c.source)]
    if as_json:
        print_json([change.as_json() for change in found])
        return
    for one in found:
        click.echo(
            click.style(clean(one.source), bold=True)
            + f"   {one.total:,} models, synced {one.synced[:16].replace('T', ' ')}   "
            f"{one.new:,} new, {one.updated:,} updated, {one.gone:,} gone"
        )
        for change, count in (("new", one.new), ("updated", one.updated), ("gone", one.gone)):
            names = one.names[change][:20]
            for name in names:
                click.echo(f"  {change:8} {clean(name)}")
            if count > len(names) > 0:
                click.echo(f"  {change:8} and {count - len(names):,} more")


@catalog.command()
@click.argument("ref")
@json_option
def show(ref: str, as_json: bool) -> None:
    """Show all that is known of REF: azureml:NAME[@VERSION]."""
    from fmtui.services import catalog as service

    entry = service.show(context(), ref)
    if as_json:
        print_json(entry.as_full_json())
        return
    rows = [
        ("hub id", entry.hub_id or "– (its weights can't be fetched from the hub)"),
        ("license", entry.license or "–"),
        ("tasks", ", ".join(entry.tasks) or "–"),
        ("finetune", ", ".join(entry.finetune_tasks) or "–"),
        ("architecture", entry.architecture or "–"),
        ("parameters", number(entry.parameters)),
        ("size", size(entry.size_bytes)),
        ("languages", ", ".join(entry.languages) or "–"),
        *((f"{job} needs", _needs(needs)) for job, needs in entry.skus.items()),
        ("defaults", ", ".join(f"{k}={v}" for k, v in entry.defaults.items()) or "–"),
        ("imported as", entry.imported or "–"),
    ]
    click.echo(click.style(clean(entry.ref), bold=True))
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        click.echo(f"{label.ljust(width)}  {clean(value)}")
    if entry.description:
        click.echo("\n" + clean(entry.description))


def _needs(needs: dict[str, Any]) -> str:
    least, types = needs["minimum"], needs["recommended"]
    text = ""
    if least:
        gpus = f"{least['gpus']} GPU{'s' * (least['gpus'] != 1)}, " if least["gpus"] else ""
        text = (
            f"{least['cpus']} CPUs, {gpus}{least['memory_gib']} GiB memory, "
            f"{least['disk_gib']} GiB disk"
        )
    if types:
        text += f"; {len(types)} instance types, such as {types[0]}"
    return text.removeprefix("; ")


@catalog.group()
def sync() -> None:
    """Bring the mirror of a catalogue up to date."""


@sync.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    help="A checkout of Azure ML's model specifications.",
)
@click.option("--live", is_flag=True, help="From the registry itself; needs a sign-in to Azure.")
@click.option("--registry", metavar="NAME", help="Another registry than azureml, live.")
@click.option("--fresh", is_flag=True, help="Live: ask for every model, also those that are known.")
@azure_options
@quiet_option
@json_option
def azureml(
    folder: Path | None,
    live: bool,
    registry: str | None,
    fresh: bool,
    quiet: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Read Azure ML's catalogue anew: all of it, or nothing is changed.

    A live sync that was interrupted is taken up where it was by the same command.
    """
    from fmtui.services import catalog as service

    live = live or registry is not None
    if (folder is None) != live:
        raise UsageError(
            "where from?", hint="Give --live, or --from DIR, a checkout of the specifications."
        )
    if folder is not None:
        progress(f"reading {folder}", quiet=quiet)
        _show_sync(service.sync_azureml(context(), folder), as_json)
        return

    def told(known: int, total: int) -> None:
        progress(f"{known:,} of {total:,} models", quiet=quiet)

    result = service.sync_registry(
        context(), registry or "azureml", fresh=fresh, given=given, progress=told
    )
    _show_sync(result, as_json)


@sync.command()
@click.option("--task", help="Only models for this task.")
@click.option("--author", help="Only models of this organization or person.")
@click.option("--library", help="Only models of this library, such as transformers.")
@click.option("--license", help="Only models of this licence, in the hub's word.")
@click.option("--search", help="Only models whose name holds this.")
@click.option("--limit", type=click.IntRange(1), help="At most, the most downloaded first.")
@quiet_option
@json_option
def huggingface(quiet: bool, as_json: bool, limit: int | None, **filters: str | None) -> None:
    """Mirror the hub's list of models, or a part of it; it replaces what was mirrored before.

    A sync that was interrupted is taken up where it was by the same command.
    """
    from fmtui.services import catalog as service

    def told(count: int) -> None:
        progress(f"{count:,} models listed", quiet=quiet)

    result = service.sync_huggingface(context(), limit=limit, progress=told, **filters)
    _show_sync(result, as_json)


def _show_sync(result: SyncResult, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "source": result.source,
                "new": result.new,
                "updated": result.updated,
                "gone": result.gone,
                "total": result.total,
            }
        )
        return
    click.echo(
        f"{result.source}: {result.total} models "
        f"({result.new} new, {result.updated} updated, {result.gone} gone)"
    )
