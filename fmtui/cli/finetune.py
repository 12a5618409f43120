"""`fmtui finetune`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fmtui.cli.output import column_pairs, json_option, pairs, progress, quiet_option
from fmtui.cli.tags import tag_option
from fmtui.cli.where import where_options, where_over
from fmtui.services.context import context

if TYPE_CHECKING:
    from fmtui.services.request import FinetuneRequest

_NEEDED = {"model": "argument 'MODEL'", "task": "option '--task'", "train": "option '--train'"}


@click.command()
@click.argument("model", required=False)
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    metavar="SPEC",
    help="Do what a file says (see --save-spec), or a run's spec.json; options stand above it.",
)
@click.option("--task", help="text-classification, ...")
@click.option("--train", metavar="DATA", help="A dataset or a file.")
@click.option("--validation", metavar="DATA", help="Left out: a part of the training data.")
@click.option("--name", help="What to call the model that comes out.")
@click.option(
    "--columns", multiple=True, metavar="ROLE=COLUMN,...", help="text=message,label=intent"
)
@click.option("--preset", metavar="P", help="A set of settings: azureml, fast, lora, careful.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="num_train_epochs=3")
@click.option("--help-settings", is_flag=True, help="Show all settings, or those of --task.")
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="A run for each value; several of these make the grid.",
)
@click.option(
    "--report-to",
    multiple=True,
    metavar="TRACKER",
    help="tensorboard, wandb, mlflow, ...; none. Left out: tensorboard, in the run's folder.",
)
@where_options(several=True)
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that have a fault.")
@click.option("--priority", default=0, help="In the queue a higher number goes first.")
@tag_option
@click.option("--dry-run", is_flag=True, help="Show the plan and what it will need; start nothing.")
@click.option(
    "--save-spec",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all of this to a file for -f; start nothing.",
)
@click.option("--wait/--detach", default=False, help="Wait for its end, or return at once.")
@quiet_option
@json_option
def finetune(
    file: Path | None,
    help_settings: bool,
    sweeps: tuple[str, ...],
    dry_run: bool,
    save_spec: Path | None,
    wait: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Finetune MODEL on your own data; a new model version comes out."""
    if help_settings:
        from fmtui.cli.plan import show_settings

        show_settings(options["task"], as_json=as_json)
        return

    from fmtui.cli.watch import finish, warn
    from fmtui.services import finetune as service
    from fmtui.services import spec_file, sweep

    spec = spec_file.read(file) if file else spec_file.SpecFile({})
    source = click.get_current_context().get_parameter_source
    given = {name for name in options if source(name) is ParameterSource.COMMANDLINE}
    request = _request(spec.values, options, given)
    grid = spec.sweep | sweep.grid(sweeps)
    ctx = context()
    if save_spec:
        from fmtui.services import run_spec

        run_spec.save(request, save_spec, grid)
        progress(f"written: fmtui finetune -f {save_spec}", quiet=quiet)
    if dry_run:
        from fmtui.cli.plan import show_plan

        plan = service.plan(ctx, request)
        if grid and not plan.errors:
            sweep.check(ctx, request, grid)
        show_plan(request, plan, grid, as_json=as_json)
    if dry_run or save_spec:
        return
    if grid:
        from fmtui.cli.sweep import start_sweep

        start_sweep(ctx, request, grid, wait=wait, as_json=as_json, quiet=quiet)
        return
    info = service.start(ctx, request)
    warn(ctx, info, quiet=quiet)
    finish(ctx, info, wait=wait, as_json=as_json, quiet=quiet)


def _request(
    said: Mapping[str, Any], options: Mapping[str, Any], given: set[str]
) -> FinetuneRequest:
    """What a spec file said, with what was given on the command line put over it."""
    from fmtui.services.request import FinetuneRequest
    from fmtui.services.where import Where

    values = dict(said)
    words = {
        "columns": column_pairs(options["columns"]),
        "settings": pairs(options["settings"], "--set"),
    }
    for name in ("model", "task", "train", "validation", "name", "preset", "drop_invalid",
                 "priority"):  # fmt: skip
        if name in given:
            values[name] = options[name]
    for name, pairs_ in words.items():
        values[name] = {**values.get(name, {}), **pairs_}
    if "tags" in given:
        values["tags"] = options["tags"]
    if "report_to" in given:
        values["report_to"] = tuple(
            part for word in options["report_to"] for part in word.split(",") if part
        )
    values["where"] = where_over(values.get("where", Where()), options, given)
    for name, what in _NEEDED.items():
        if not values.get(name):
            raise click.UsageError(f"Missing {what}.")
    return FinetuneRequest(**values)
