"""`fmtui run`."""

from __future__ import annotations

from typing import Any

import click

from fmtui.cli.accelerate import accelerate
from fmtui.cli.elsewhere import adopt
from fmtui.cli.logs import logs
from fmtui.cli.measured import compare, metrics
from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.cli.queue import move, pause, queue, unpause
from fmtui.cli.results import errors, report
from fmtui.cli.sweep import sweep
from fmtui.cli.tags import tag
from fmtui.errors import UsageError
from fmtui.services.context import context
from fmtui.services.text import decimals, headline


@click.group()
def run() -> None:
    """List, watch, cancel, resume and compare runs."""


for command in (
    logs, metrics, compare, report, errors, queue, move, pause, unpause, sweep, tag, adopt,
    accelerate,
):  # fmt: skip
    run.add_command(command)


@run.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@click.option("--state", metavar="S", help="Only those that are queued, running, failed, ...")
@click.option("--kind", metavar="K", help="finetune or evaluate")
@click.option("--model", metavar="REF", help="Only those of this model version.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Only those with this tag.")
@click.option("--group", metavar="G", help="Only those of this sweep.")
@click.option("--query", metavar="WORDS", default="", help="Only those that hold these words.")
@click.option(
    "--sort",
    metavar="COLUMN",
    default="run",
    show_default=True,
    help="run, kind, model, data, state, took, result, loss, backend, name, created, ended",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@json_option
def list_(
    limit: int,
    tags: tuple[str, ...],
    group: str | None,
    sort: str,
    reverse: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Runs, newest first, in the state that their folders prove."""
    from fmtui.services import queue as queue_service
    from fmtui.services import runs
    from fmtui.services import sweep as sweep_service

    ctx = context()
    which = runs.Wanted(tags=tags, **wanted)
    down = runs.goes_down(sort) != reverse
    members = {info.run for info in sweep_service.members(ctx, group)} if group else None
    found = runs.list_runs(
        ctx, which, order=sort, down=down, limit=limit + 1 if members is None else -1
    )
    if members is not None:
        found = [info for info in found if info.run in members]
    more, found = len(found) > limit, found[:limit]
    waits = queue_service.reasons(ctx) if any(r.state == "queued" for r in found) else {}
    if as_json:
        print_json([{**r.as_json(), "queue_reason": waits.get(r.run)} for r in found])
    elif not found and (group or which != runs.Wanted()):
        progress("No run is like this.")
    elif not found:
        progress("No runs yet. `fmtui finetune MODEL --task T --train DATA` starts one.")
    else:
        tagged = any(r.tags for r in found)
        table(
            ("run", "state", "kind", "model", "data", "output", *(["tags"] if tagged else []),
             "result"),
            (
                (
                    r.run,
                    r.state,
                    r.kind,
                    r.model,
                    r.data,
                    r.output or "–",
                    *([" ".join(r.tags)] if tagged else []),
                    waits.get(r.run) or _result(r.metrics),
                )
                for r in found
            ),
        )  # fmt: skip
        if more:
            progress(f"There are more than these {limit}; --limit shows them.")


def _result(metrics: dict[str, float]) -> str:
    name = headline(metrics)
    return "–" if name is None else f"{name} {decimals(metrics[name])}"


@run.command()
@click.argument("ref")
@json_option
def show(ref: str, as_json: bool) -> None:
    """One run."""
    from fmtui.cli import watch
    from fmtui.services import reality, runs

    ctx = context()
    status = runs.status(ctx, ref)
    sides = reality.beside(ctx, ref)
    if as_json:
        several = {"ranks": [rank.as_json() for rank in status.ranks]} if status.ranks else {}
        costs = {"costs": [side.as_json() for side in sides]} if sides else {}
        print_json(status.info.as_json() | several | costs)
        return
    watch.show(status.info)
    if status.info.state not in runs.ENDED:
        click.echo(watch.describe(status))
    if sides:
        word = "took" if any(side.measured is not None for side in sides) else "estimate"
        click.echo(f"{word}: " + "   ".join(f"{side.name} {side.words()}" for side in sides))
    if status.info.error:
        click.echo(f"why: {clean(status.info.error)}")
    if status.resumable:
        click.echo(f"go on: fmtui run resume {status.info.run}")
    if status.ranks:
        table(
            ("rank", "host", "pid", "state", "log"),
            ((r.rank, r.host, r.pid, r.told, r.as_json()["log"]) for r in status.ranks),
            right="rank pid",
        )


@run.command()
@click.argument("ref")
@json_option
def cancel(ref: str, as_json: bool) -> None:
    """End a run; it writes a checkpoint first."""
    from fmtui.services import runs

    _show(runs.cancel(context(), ref), as_json)


@run.command()
@click.argument("ref", required=False)
@click.option("--all-interrupted", is_flag=True, help="All that a reboot or a kill has ended.")
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def resume(ref: str | None, all_interrupted: bool, wait: bool, quiet: bool, as_json: bool) -> None:
    """Go on from the last checkpoint, under the same number."""
    from fmtui.cli.watch import finish
    from fmtui.services import runs

    if all_interrupted == bool(ref):
        raise UsageError("name one run, or say --all-interrupted")
    ctx = context()
    if ref:
        finish(ctx, runs.resume(ctx, ref), wait=wait, as_json=as_json, quiet=quiet)
        return
    if wait:
        raise UsageError("--wait waits for one run; --all-interrupted returns at once")
    resumed, refused = runs.resume_interrupted(ctx)
    for name, error in refused:
        progress(f"{name} can't be resumed: {error}")
    if as_json:
        print_json([runs.show(ctx, name).as_json() for name in resumed])
    elif resumed:
        click.echo(f"resumed: {' '.join(resumed)}")
    else:
        progress("No run was interrupted.")


@run.command()
@click.argument("ref")
@click.option("--machine", type=click.IntRange(1), default=1, show_default=True, metavar="N")
@click.option(
    "--main-address",
    "address",
    metavar="HOST:PORT",
    help="Where machine 0 is; left out, what the run says.",
)
@quiet_option
def join(ref: str, machine: int, address: str | None, quiet: bool) -> None:
    """Be a further machine of a run that was started with --num-machines.

    Both machines see the same home. It ends with the run; Ctrl-C ends the run on all machines,
    with a checkpoint.
    """
    from fmtui.cli.watch import show as show_run
    from fmtui.services import runs

    def say(words: str) -> None:
        progress(words, quiet=quiet)

    show_run(runs.join(context(), ref, machine, address=address, say=say))


@run.command()
@click.argument("ref")
@json_option
def remove(ref: str, as_json: bool) -> None:
    """Delete a run that has ended, folder and row."""
    from fmtui.services import runs

    _show(runs.remove(context(), ref), as_json)


@run.command()
@json_option
def reindex(as_json: bool) -> None:
    """Make the registry's rows anew from the folders."""
    from fmtui.services import runs

    added = runs.reindex(context())
    if as_json:
        print_json([info.as_json() for info in added])
    else:
        click.echo(f"{len(added)} runs added" + "".join(f" {i.run}" for i in added))


def _show(info: object, as_json: bool) -> None:
    from fmtui.cli import watch
    from fmtui.services.runs import RunInfo

    assert isinstance(info, RunInfo)
    if as_json:
        print_json(info.as_json())
    else:
        watch.show(info)
