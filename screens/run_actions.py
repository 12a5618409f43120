"""What can be done to a run, from the list, from its page and from the queue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from textual.app import App

from fmtui.services import runs, tags
from fmtui.services.runs import ENDED
from fmtui.services.text import one_line
from registry.views import RunInfo
from screens.tagging import pick_tag
from screens.threads import threaded


def can(action: str, state: str) -> bool:
    """Whether a run in this state can be cancelled, resumed or removed."""
    if action == "cancel":
        return state not in ENDED
    return state in ("failed", "canceled") if action == "resume" else state in ENDED


def open_run(app: App[Any], run: str) -> None:
    """Show a run's page over what is shown now."""
    from screens.run import RunPage

    app.push_screen(RunPage(run))


def cancel_run(screen: Any, run: str) -> None:
    """Ask, then cancel."""
    from screens.widgets.confirm import Confirm

    async def job() -> None:
        screen.say(f"Cancelling {run}: it writes a checkpoint first.")
        info = await threaded(runs.cancel, screen.ctx, run)
        screen.say(f"{run} is {one_line(info.state)}.")

    def answered(yes: bool | None) -> None:
        if yes:
            screen.start(job, group="cancel")

    screen.app.push_screen(
        Confirm(f"Cancel {run}?", "It can be resumed from its last checkpoint."), answered
    )


def resume_run(screen: Any, run: str) -> None:
    """Go on from the last checkpoint."""

    async def job() -> None:
        info = await threaded(runs.resume, screen.ctx, run)
        screen.say(f"{run} goes on: {one_line(info.state)}.")

    screen.start(job, group="resume")


def tag_runs(screen: Any, chosen: Sequence[RunInfo]) -> None:
    """Put a tag on runs, or take one off; any word may be typed."""
    pick_tag(
        screen,
        [run.run for run in chosen],
        {tag for run in chosen for tag in run.tags},
        runs.facets(screen.ctx)["tag"],
        partial(tags.tag, screen.ctx),
    )
