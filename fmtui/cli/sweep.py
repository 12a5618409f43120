"""`fmtui run sweep`, and `fmtui finetune --sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fmtui.cli.output import json_option, print_json, progress, table
from fmtui.errors import RunFailedError
from fmtui.services.context import Context, context

if TYPE_CHECKING:
    from fmtui.services.finetune import FinetuneRequest


def start_sweep(
    ctx: Context,
    request: FinetuneRequest,
    values: Mapping[str, Sequence[str]],
    *,
    wait: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make the runs and print their table; with `wait`, when all have ended.

    Raises RunFailedError (exit code 6) when one that was waited for did not complete.
    """
    from fmtui.cli.watch import warn
    from fmtui.services import runs, sweep

    infos = sweep.start(ctx, request, values)
    warn(ctx, infos[0], quiet=quiet)
    group = str(runs.spec(ctx, infos[0].run)["group"])
    first, last = infos[0].run, infos[-1].run
    span = f"{len(infos)} runs, {first} to {last}" if len(infos) > 1 else f"1 run, {first}"
    progress(f"{group}: {span}", quiet=quiet)
    if wait:
        infos = [runs.wait(ctx, info.run) for info in infos]
    _print(ctx, group, as_json=as_json)
    failed = [info.run for info in infos if info.state != "completed"]
    if wait and failed:
        raise RunFailedError(f"{len(failed)} of {len(infos)} runs failed: {' '.join(failed)}")


@click.command()
@click.argument("group")
@json_option
def sweep(group: str, as_json: bool) -> None:
    """What came of a sweep, the best first."""
    _print(context(), group, as_json=as_json)


def _print(ctx: Context, group: str, *, as_json: bool) -> None:
    from fmtui.services import runs
    from fmtui.services import sweep as service
    from fmtui.services.settings import as_typed

    found = service.results(ctx, group)
    if as_json:
        print_json(found.as_json())
        return
    keys = list(found.settings[0])
    table(
        ("run", "state", *keys, found.metric, "model"),
        (
            (
                run.run,
                run.state,
                *(as_typed(settings[key]) for key in keys),
                _value(run.metrics.get(found.metric), run.run == found.best),
                run.output or "–",
            )
            for run, settings in zip(found.runs, found.settings, strict=True)
        ),
    )
    if found.note:
        click.echo(found.note)
    if any(run.state not in runs.ENDED for run in found.runs):
        click.echo(f"follow them: fmtui run sweep {group}")


def _value(value: float | None, best: bool) -> str:
    return "–" if value is None else f"{value:.4f}{' ◂ best' if best else ''}"
