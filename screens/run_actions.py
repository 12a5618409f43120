"""What can be done to a run, from the list, from its page and from the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from textual.app import App

from fmtui.errors import FmtuiError
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
    begins, stays = "it writes a checkpoint first", "It can be resumed from its last checkpoint."
    if _in_azure(screen, run):
        begins = "Azure ML ends its job"
        stays = "Azure ML ends its job, which is billed no further. R starts it anew."

    async def job() -> None:
        screen.say(f"Cancelling {run}: {begins}.")
        info = await threaded(runs.cancel, screen.ctx, run)
        screen.say(f"{run} is {one_line(info.state)}.")

    screen.confirm(f"Cancel {run}?", stays, job, group="cancel")


def resume_run(screen: Any, run: str, *, first: Callable[[], object] = lambda: None) -> None:
    """Go on from the last checkpoint; a job in Azure, which costs money, begins anew if asked.

    Args:
        first: Is called before it goes on, and not where it does not.
    """

    async def job() -> None:
        first()
        info = await threaded(runs.resume, screen.ctx, run)
        screen.say(f"{run} goes on: {one_line(info.state)}.")

    if _in_azure(screen, run):
        words = "The job begins anew, on the same machines, which are billed while it runs."
        screen.confirm(f"Start the job of {run} in Azure ML again?", words, job, group="resume")
    else:
        screen.start(job, group="resume")


def _in_azure(screen: Any, run: str) -> bool:
    with suppress(FmtuiError):  # what is tried next tells of it
        return runs.show(screen.ctx, run).backend == "azureml"
    return False


def tag_runs(screen: Any, chosen: Sequence[RunInfo]) -> None:
    """Put a tag on runs, or take one off; any word may be typed."""
    pick_tag(
        screen,
        [run.run for run in chosen],
        {tag for run in chosen for tag in run.tags},
        runs.facets(screen.ctx)["tag"],
        partial(tags.tag, screen.ctx),
    )
