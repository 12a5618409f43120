"""Waiting for a run on the command line: one line of progress on stderr, Ctrl-C detaches."""

from __future__ import annotations

import sys

import click

from fmtui.cli.output import clean, print_json, progress
from fmtui.errors import RunFailedError
from fmtui.services import runs
from fmtui.services.context import Context
from fmtui.services.runs import RunInfo, RunStatus
from fmtui.services.text import decimals


def finish(ctx: Context, info: RunInfo, *, wait: bool, as_json: bool, quiet: bool) -> None:
    """Print a run that was just made; with `wait`, when it has ended.

    Raises RunFailedError (exit code 6) when a run that was waited for did not complete.
    """
    if wait:
        progress(f"{info.run} {info.kind} {info.model} on {info.data}", quiet=quiet)
        try:
            info = runs.wait(ctx, info.run, on_status=None if quiet else _Line())
        except KeyboardInterrupt:
            progress(f"\n{info.run} goes on; `fmtui run logs {info.run} -f` follows it.")
            raise
    if as_json:
        print_json(info.as_json())
    else:
        show(info)
    if wait and info.state != "completed":
        raise RunFailedError(
            f"{info.run} {info.state}: {info.error}",
            hint=f"See `fmtui run logs {info.run}`; `fmtui run resume {info.run}` goes on.",
        )


def warn(ctx: Context, info: RunInfo, *, quiet: bool) -> None:
    """What was found in the data of a run that was just made and does not stop it; on stderr."""
    for words in runs.spec(ctx, info.run).get("warnings", ()):
        progress(f"! {words}", quiet=quiet)


def show(info: RunInfo) -> None:
    """A run in one or two lines."""
    made = f" → {info.output}" if info.output else ""
    click.echo(f"{info.run}  {info.state}  {info.kind} {info.model} on {info.data}{made}")
    if info.tags:
        click.echo(f"tags: {clean(' '.join(info.tags))}")
    if info.metrics:
        click.echo("  ".join(f"{name} {decimals(v)}" for name, v in info.metrics.items()))
    elif info.state in ("queued", "starting"):
        click.echo(f"follow it: fmtui run logs {info.run} -f")


class _Line:
    """Rewrites one line in a terminal; elsewhere prints a line at every tenth of the way."""

    def __init__(self) -> None:
        self.tty = sys.stderr.isatty()
        self.last = ""

    def __call__(self, status: RunStatus) -> None:
        text = describe(status)
        key = text if self.tty else f"{status.info.state} {_tenth(status)}"
        if key == self.last:
            return
        self.last = key
        if self.tty:
            click.echo(f"\r\x1b[K{text[:100]}", err=True, nl=status.info.state in runs.ENDED)
        else:
            click.echo(text, err=True)


def _tenth(status: RunStatus) -> int:
    return status.step * 10 // status.total_steps if status.total_steps else 0


def describe(status: RunStatus) -> str:
    """`r7 running  step 512 of 939  98 rows/s  2:29 left`."""
    parts = [f"{status.info.run} {status.info.state}"]
    if status.queue_reason:
        parts.append(status.queue_reason)
    if status.total_steps and status.info.state == "running":
        parts.append(f"step {status.step} of {status.total_steps}")
    if status.rate and status.info.state == "running":
        parts.append(f"{status.rate:.0f} rows/s")
    if status.eta_seconds is not None:
        minutes, seconds = divmod(int(status.eta_seconds), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    if status.best:
        parts.append(f"best {status.best}")
    return "  ".join(parts)
