"""The part of `fmtui run` that is about waiting: queue, move, pause, unpause."""

from __future__ import annotations

import click

from fmtui.cli.output import json_option, print_json, progress, table
from fmtui.errors import UsageError
from fmtui.services.context import Context, context


@click.command()
@json_option
def queue(as_json: bool) -> None:
    """The runs that wait, in their order, and why each of them does."""
    _show(context(), as_json)


@click.command()
@click.argument("ref")
@click.option("--first", is_flag=True, help="Before all others.")
@click.option("--last", is_flag=True, help="Behind all others.")
@click.option("--earlier", is_flag=True, help="Before the one that is before it.")
@click.option("--later", is_flag=True, help="Behind the one that is behind it.")
@click.option("--priority", type=int, help="A higher number goes first; 0 is usual.")
@json_option
def move(
    ref: str,
    first: bool,
    last: bool,
    earlier: bool,
    later: bool,
    priority: int | None,
    as_json: bool,
) -> None:
    """Give a queued run another place."""
    from fmtui.services import queue as service

    if first + last + earlier + later + (priority is not None) != 1:
        raise UsageError("one of --first, --last, --earlier, --later and --priority is needed")
    ctx = context()
    service.move(ctx, ref, first=first, last=last, by=later - earlier, priority=priority)
    _show(ctx, as_json)


@click.command()
@click.argument("ref", required=False)
@json_option
def pause(ref: str | None, as_json: bool) -> None:
    """Hold back a queued run, or the whole queue; what runs goes on."""
    from fmtui.services import queue as service

    ctx = context()
    service.set_paused(ctx, ref, True)
    _show(ctx, as_json)


@click.command()
@click.argument("ref", required=False)
@json_option
def unpause(ref: str | None, as_json: bool) -> None:
    """Let a queued run, or the whole queue, go on."""
    from fmtui.services import queue as service

    ctx = context()
    service.set_paused(ctx, ref, False)
    _show(ctx, as_json)


def _show(ctx: Context, as_json: bool) -> None:
    from fmtui.services import queue as service

    found = service.entries(ctx)
    if as_json:
        print_json([entry.as_json() for entry in found])
        return
    if found:
        table(
            ("", "run", "priority", "why it waits"),
            ((entry.position or "–", entry.run, entry.priority, entry.reason) for entry in found),
            right="priority",
        )
    else:
        progress("No run waits.")
    if service.paused(ctx):
        progress("The queue is paused: what runs goes on, nothing is started.")
