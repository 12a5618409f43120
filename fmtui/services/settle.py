"""Writing into the registry what a run's folder says, and starting what is queued.

There is no daemon: whoever looks, and every supervisor at its end
(`python -m fmtui.services.settle HOME`), does this. Doing it twice changes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fmtui.errors import FmtuiError
from fmtui.paths import Home
from fmtui.runs import slots
from fmtui.runs.folder import ENDED, RunFolder, all_folders
from fmtui.runs.journal import story_of
from fmtui.runs.process import locked, spawn_detached
from fmtui.runs.state import state_of
from fmtui.services.context import Context
from registry import runs
from registry.database import Database


def settle(ctx: Context, number: int) -> None:
    """Write the end of one run, once its folder has one: metrics, and the model that it made.

    A lock in the folder keeps two that look at the same time from registering the model twice.
    """
    folder = RunFolder(ctx.home.runs / f"r{number}")
    with locked(folder.path / "settle.lock", timeout=60.0):
        end = folder.exit()
        row = runs.find(ctx.db, number)
        if end is None or row is None or row.state in ENDED:
            return
        story = story_of(folder.journal)
        state, error, output = end.state, end.error, None
        if state == "completed" and row.kind == "finetune" and row.output is None:
            try:
                output = _register(ctx, folder)
            except FmtuiError as fault:
                # The weights stay in the folder; the next look tries again.
                story.warnings.append(str(fault))
                return
        runs.settle(
            ctx.db,
            number,
            state=state,
            started=story.started,
            ended=end.ended,
            error=error,
            metrics=story.final_metrics(),
            points=story.points,
            output_version_id=output,
        )


def _register(ctx: Context, folder: RunFolder) -> int:
    from fmtui.services import models

    spec = folder.spec()
    return models.register_output(
        ctx,
        folder=folder.output / "model",
        name=spec["name"],
        parent_ref=spec["model"]["ref"],
        origin=f"run:{spec['run']}",
        task=spec["task"],
        labels=spec["labels"],
        license=spec["model"].get("license"),
    )


def reap(ctx: Context) -> None:
    """Settle every run that ended since someone last looked, then start what is queued."""
    queued = False
    for row in runs.unsettled(ctx.db):
        folder = RunFolder(ctx.home.runs / f"r{row.id}")
        if not folder.path.is_dir():
            _lost(ctx, row.id)
            continue
        state = state_of(folder)
        if state in ENDED:
            settle(ctx, row.id)
        else:
            queued = queued or state == "queued"
            if state != row.state:
                runs.set_state(ctx.db, row.id, state)
    if queued:
        dispatch(ctx)


def _lost(ctx: Context, number: int) -> None:
    from registry.database import now

    runs.settle(
        ctx.db,
        number,
        state="failed",
        started=None,
        ended=now(),
        error="its folder is gone.",
        metrics={},
        points=[],
        output_version_id=None,
    )


def dispatch(ctx: Context) -> None:
    """Start a supervisor for as many queued runs as there are free slots, oldest first."""
    free = slots.free(ctx.home.slots)
    for folder in all_folders(ctx.home.runs):
        if free <= 0:
            return
        row = runs.find(ctx.db, folder.id)
        if row is None or row.state in ENDED or folder.exit() is not None:
            continue
        if folder.was_started() or folder.held():
            continue
        spawn_detached(
            "fmtui.runs.supervisor",
            [str(folder.path), str(ctx.home.slots), "fmtui.services.settle"],
            log=folder.log,
        )
        free -= 1


def main() -> None:
    home = Home(Path(sys.argv[1]))
    ctx = Context(home, Database(home.registry))
    reap(ctx)
    dispatch(ctx)


if __name__ == "__main__":
    main()
