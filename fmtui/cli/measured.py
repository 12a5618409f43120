"""The part of `fmtui run` that is about what was measured: metrics, compare."""

from __future__ import annotations

import click

from fmtui.cli.output import json_option, print_json, table
from fmtui.services.context import context
from fmtui.services.text import one_line


@click.command()
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


@click.command()
@click.argument("refs", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Also the settings that are the same.")
@json_option
def compare(refs: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Metrics side by side with the best marked, and the settings that differ.

    Evaluations on the same rows are also tested: is the difference real, or may it be chance?
    Rows that are right are put to McNemar's test, all else to a paired bootstrap of the task's
    main metric, seeded.
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
    if result.note:
        click.echo(f"\n{one_line(result.note)}")
    for test in result.tests:
        click.echo(test.sentence())
