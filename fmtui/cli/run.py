"""`fmtui run`."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.cli.queue import move, pause, queue, unpause
from fmtui.cli.sweep import sweep
from fmtui.errors import UsageError
from fmtui.services.context import context


@click.group()
def run() -> None:
    """List, watch, cancel, resume and compare runs."""


for command in (queue, move, pause, unpause, sweep):
    run.add_command(command)


@run.command("list")
@click.option("--limit", default=50, show_default=True)
@click.option("--state", metavar="S", help="Only those that are queued, running, failed, ...")
@click.option("--kind", metavar="K", help="finetune or evaluate")
@click.option("--model", metavar="REF", help="Only those of this model version.")
@click.option("--group", metavar="G", help="Only those of this sweep.")
@json_option
def list_(
    limit: int,
    state: str | None,
    kind: str | None,
    model: str | None,
    group: str | None,
    as_json: bool,
) -> None:
    """Runs, newest first, in the state that their folders prove."""
    from fmtui.services import queue as queue_service
    from fmtui.services import runs
    from fmtui.services import sweep as sweep_service

    ctx = context()
    found = runs.list_runs(ctx, limit=limit, state=state, kind=kind, model=model)
    if group:
        members = {info.run for info in sweep_service.members(ctx, group)}
        found = runs.list_runs(ctx, limit=-1, state=state, kind=kind, model=model)
        found = [info for info in found if info.run in members][:limit]
    waits = queue_service.reasons(ctx) if any(r.state == "queued" for r in found) else {}
    if as_json:
        print_json([{**r.as_json(), "queue_reason": waits.get(r.run)} for r in found])
    elif not found and (state or kind or model or group):
        progress("No run is like this.")
    elif not found:
        progress("No runs yet. `fmtui finetune MODEL --task T --train DATA` starts one.")
    else:
        table(
            ("run", "state", "kind", "model", "data", "output", "result"),
            (
                (
                    r.run,
                    r.state,
                    r.kind,
                    r.model,
                    r.data,
                    r.output or "–",
                    waits.get(r.run) or _result(r.metrics),
                )
                for r in found
            ),
        )


def _result(metrics: dict[str, float]) -> str:
    for name in ("accuracy", "loss"):
        if name in metrics:
            return f"{name} {metrics[name]:.4f}"
    return "–"


@run.command()
@click.argument("ref")
@json_option
def show(ref: str, as_json: bool) -> None:
    """One run."""
    from fmtui.cli import watch
    from fmtui.services import runs

    status = runs.status(context(), ref)
    if as_json:
        several = {"ranks": [rank.as_json() for rank in status.ranks]} if status.ranks else {}
        print_json(status.info.as_json() | several)
        return
    watch.show(status.info)
    if status.info.state not in runs.ENDED:
        click.echo(watch.describe(status))
    if status.info.error:
        click.echo(f"why: {clean(status.info.error)}")
    if status.resumable:
        click.echo(f"go on: fmtui run resume {status.info.run}")
    if status.ranks:
        table(
            ("rank", "host", "pid", "state", "log"),
            ((r.rank, r.host, r.pid, r.state, r.as_json()["log"]) for r in status.ranks),
            right="rank pid",
        )


@run.command()
@click.argument("ref")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--rank", default=0, metavar="N", help="What the N-th of several processes wrote.")
@click.option("--grep", metavar="TEXT", help="Only the lines that hold this, whatever its case.")
@click.option("--tail", metavar="N", type=click.IntRange(0), help="Only the last N of them.")
def logs(ref: str, follow: bool, grep: str | None, rank: int, tail: int | None) -> None:
    """What a run's processes wrote, from the oldest part that is kept.

    A line that was written over again and again, as progress bars are, is shown as it stands at
    last. Colours are kept in a terminal, other control sequences never.
    """
    from fmtui.services import runs
    from fmtui.services.logs import printed

    ctx = context()
    reader = runs.log_reader(ctx, ref, rank)
    if reader.dropped:
        progress(f"the first {reader.dropped} parts of this log were dropped: they were too many")
    last: deque[str] | None = None if tail is None else deque(maxlen=tail)
    rest, ended = b"", False
    while not ended:
        # Asked before the last read, so that the last lines are in it.
        ended = not follow or runs.show(ctx, ref).state in runs.ENDED
        while chunk := reader.read():
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            _print(printed(whole + newline, grep), last)
        if ended:
            _print(printed(rest, grep), last)
        if last is not None:
            _print(last)
            last = None
        if not ended:
            time.sleep(0.3)


def _print(lines: Iterable[str], last: deque[str] | None = None) -> None:
    """Print lines, or keep those that may be the last ones."""
    if last is not None:
        last.extend(lines)
        return
    text = "".join(f"{line}\n" for line in lines)
    click.echo(clean(text) if os.environ.get("NO_COLOR") else text, nl=False)


@run.command()
@click.argument("ref")
@json_option
def metrics(ref: str, as_json: bool) -> None:
    """Every point of every curve.

    The split `system` tells what the run used of the machine; its steps are seconds since the
    first sample, cpu_percent 100 is one core.
    """
    from fmtui.services import runs

    ctx = context()
    points = [*runs.metrics(ctx, ref), *runs.resources(ctx, ref)]
    if as_json:
        print_json([point.as_json() for point in points])
    else:
        table(
            ("step", "epoch", "split", "name", "value"),
            (
                (
                    p.step,
                    "" if p.epoch is None else f"{p.epoch:.3f}",
                    p.split,
                    p.name,
                    f"{p.value:.6g}",
                )
                for p in points
            ),
            right="step epoch value",
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


@run.command()
@click.argument("refs", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Also the settings that are the same.")
@json_option
def compare(refs: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Metrics side by side with the best marked, and the settings that differ.

    Evaluations on the same rows are also put to McNemar's test: is the difference real, or may it
    be chance?
    """
    from fmtui.services import compare as service

    result = service.compare(context(), list(refs))
    if as_json:
        print_json(result.as_json())
        return
    rows = [*result.measured(), *result.parameters(every=every)]
    table(("", *result.runs), [(name, *values) for name, values in rows])
    if result.rows is not None:
        click.echo(f"\nThe same {result.rows:,} test rows.")
    for test in result.tests:
        click.echo(test.sentence())


def _show(info: object, as_json: bool) -> None:
    from fmtui.cli import watch
    from fmtui.services.runs import RunInfo

    assert isinstance(info, RunInfo)
    if as_json:
        print_json(info.as_json())
    else:
        watch.show(info)
