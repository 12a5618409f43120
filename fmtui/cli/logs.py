"""`fmtui run logs`."""

from __future__ import annotations

import os
import time
from collections import deque

import click

from fmtui.cli.output import clean, progress
from fmtui.services.context import context


@click.command()
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

    ctx = context()
    reader = runs.log_reader(ctx, ref, rank)
    if reader.dropped:
        progress(f"the first {reader.dropped} parts of this log were dropped: they were too many")
    last: deque[bytes] | None = None if tail is None else deque(maxlen=tail)
    rest, ended = b"", False
    while not ended:
        # Asked before the last read, so that the last lines are in it.
        ended = not follow or runs.show(ctx, ref).state in runs.ENDED
        while chunk := reader.read():
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            _take(whole + newline, grep, last)
        if ended:
            _take(rest, grep, last)
        if last is not None:
            kept, last = b"".join(line + b"\n" for line in last), None
            _take(kept, grep, last)
        if not ended:
            time.sleep(0.3)


def _take(content: bytes, grep: str | None, last: deque[bytes] | None) -> None:
    """Print whole lines, or keep those that may be the last ones, as they are: of a long log that
    is most of the work saved."""
    from fmtui.services.logs import printed

    if last is None:
        text = "".join(f"{line}\n" for line in printed(content, grep))
        click.echo(clean(text) if os.environ.get("NO_COLOR") else text, nl=False)
    elif content:
        lines = content.removesuffix(b"\n").split(b"\n")
        last.extend(lines if grep is None else (n for n in lines if printed(n, grep)))
