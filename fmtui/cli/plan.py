"""What `fmtui finetune` shows without starting anything: its settings, and the plan of a run."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fmtui.cli.output import clean, print_json, table
from fmtui.errors import BadInputError

if TYPE_CHECKING:
    from fmtui.services.finetune import FinetunePlan
    from fmtui.services.request import FinetuneRequest


def show_settings(task: str | None, *, as_json: bool) -> None:
    """Every setting by group, those of one task or of all; then the presets."""
    from fmtui.services import settings

    found = settings.describe(task)
    if as_json:
        print_json([info.as_json() for info in found])
        return
    group = ""
    for info in found:
        if info.group != group:
            click.echo(("\n" if group else "") + click.style(info.group, bold=True))
            group = info.group
        click.echo(f"  {info.name} = {info.value or '(none)'}")
        notes = [info.expected]
        if info.where != "here and azureml":
            notes.append(f"{info.where} alone" if " " not in info.where else info.where)
        elif info.azure != info.name:
            notes.append(f"azureml: {info.azure}")
        if info.tasks and task is None:
            notes.append(", ".join(info.tasks))
        click.echo(f"      {info.help} ({'; '.join(notes)})")
    click.echo("\n" + click.style("presets", bold=True))
    for name, words in settings.presets().items():
        click.echo(f"  {name.ljust(10)} {words}")


def show_plan(
    request: FinetuneRequest,
    plan: FinetunePlan,
    grid: Mapping[str, Sequence[str]],
    *,
    as_json: bool,
) -> None:
    """The plan of a run, or of each run of a sweep; exit code 4 when it can't be."""
    from fmtui.services import sweep

    command = sweep.command(request, grid)
    if as_json:
        print_json(plan.as_json() | {"command": command, "sweep": dict(grid)})
        if plan.errors:
            sys.exit(BadInputError.exit_code)
        return
    if plan.errors:
        raise BadInputError(plan.errors[0].removesuffix("."))
    columns = ", ".join(f"{role}={column}" for role, column in plan.columns.items())
    lines = [
        ("model", f"{request.model} → {plan.name}"),
        ("data", f"{plan.rows:,} rows to train on, {plan.validation_rows:,} to validate"),
        ("columns", columns),
        ("labels", f"{len(plan.labels)}" if plan.labels else ""),
    ]
    if (costs := plan.costs) is not None:
        counted = "" if costs.counted else "about "
        cut = f", {costs.cut:.0%} of the rows are cut" if costs.cut else ""
        lines += [
            ("tokens", f"{counted}{costs.mean:.0f} a row, {costs.limit} at most{cut}"),
            ("steps", f"{costs.steps:,}"),
            ("estimate", f"{plan.estimate}   ({costs.basis})"),
        ]
    if grid:
        words = "   ".join(f"{k}={','.join(v)}" for k, v in grid.items())
        number = math.prod(len(v) for v in grid.values())
        lines.append(("sweep", f"{words}   ({number} run{'s' if number > 1 else ''} like this)"))
    for name, words in lines:
        if words:
            click.echo(f"{name.ljust(9)} {clean(words)}")
    click.echo()
    chosen = [
        (name, _word(value), plan.sources.get(name, ""))
        for name, value in plan.settings.items()
        if plan.sources.get(name) != "default"
    ]
    table(("setting", "value", "from"), chosen)
    for warning in plan.warnings:
        click.echo(f"! {clean(warning)}")
    click.echo(f"\n$ {clean(command)}")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as it is typed
    return f"{value:g}" if isinstance(value, float) else str(value)
