"""`fmtui run`."""

from __future__ import annotations

import os
import sys
import time

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, table
from fmtui.services.context import context


@click.group()
def run() -> None:
    """List, watch, cancel, resume and compare runs."""


@run.command("list")
@click.option("--limit", default=50, show_default=True)
@json_option
def list_(limit: int, as_json: bool) -> None:
    """Runs, newest first, in the state that their folders prove."""
    from fmtui.services import runs

    found = runs.list_runs(context(), limit=limit)
    if as_json:
        print_json([info.as_json() for info in found])
    elif not found:
        progress("No runs yet. `fmtui finetune MODEL --task T --train DATA` starts one.")
    else:
        table(
            ("run", "state", "kind", "model", "data", "output", "result"),
            (
                (r.run, r.state, r.kind, r.model, r.data, r.output or "–", _result(r.metrics))
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
        print_json(status.info.as_json())
        return
    watch.show(status.info)
    if status.info.state not in runs.ENDED:
        click.echo(watch.describe(status))
    if status.info.error:
        click.echo(f"why: {clean(status.info.error)}")
    if status.resumable:
        click.echo(f"go on: fmtui run resume {status.info.run}")


@run.command()
@click.argument("ref")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
def logs(ref: str, follow: bool) -> None:
    """What a run's processes wrote."""
    from fmtui.services import runs

    ctx = context()
    path = runs.log_path(ctx, ref)
    offset = _print_from(str(path), 0)
    while follow and runs.show(ctx, ref).state not in runs.ENDED:
        time.sleep(0.3)
        offset = _print_from(str(path), offset)
    _print_from(str(path), offset)


def _print_from(path: str, offset: int) -> int:
    """Print whole lines from `offset` on; returns where to go on."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return offset
    try:
        while chunk := os.pread(handle, 1 << 20, offset):
            text = chunk[: chunk.rfind(b"\n") + 1] or chunk
            click.echo(clean(text.decode("utf-8", "replace")), nl=False)
            offset += len(text)
    finally:
        os.close(handle)
    sys.stdout.flush()
    return offset


@run.command()
@click.argument("ref")
@json_option
def metrics(ref: str, as_json: bool) -> None:
    """Every point of every curve."""
    from fmtui.services import runs

    points = runs.metrics(context(), ref)
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

    _print(runs.cancel(context(), ref), as_json)


@run.command()
@click.argument("ref")
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def resume(ref: str, wait: bool, quiet: bool, as_json: bool) -> None:
    """Go on from the last checkpoint, under the same number."""
    from fmtui.cli.watch import finish
    from fmtui.services import runs

    ctx = context()
    finish(ctx, runs.resume(ctx, ref), wait=wait, as_json=as_json, quiet=quiet)


@run.command()
@click.argument("ref")
@json_option
def remove(ref: str, as_json: bool) -> None:
    """Delete a run that has ended, folder and row."""
    from fmtui.services import runs

    _print(runs.remove(context(), ref), as_json)


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
@json_option
def compare(refs: tuple[str, ...], as_json: bool) -> None:
    """Metrics side by side, and the settings that differ."""
    from fmtui.services import compare as service

    result = service.compare(context(), list(refs))
    if as_json:
        print_json(result.as_json())
        return
    table(("", *result.runs), [(name, *values) for name, values in result.rows()])


def _print(info: object, as_json: bool) -> None:
    from fmtui.cli import watch
    from fmtui.services.runs import RunInfo

    assert isinstance(info, RunInfo)
    if as_json:
        print_json(info.as_json())
    else:
        watch.show(info)
