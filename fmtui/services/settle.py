"""Writing into the registry what a run's folder says, and starting what is queued.

There is no daemon: whoever looks, every supervisor at its end, and a worker whose supervisor is
gone (`python -m fmtui.services.settle HOME [RUN | --wait]`), does this. Doing it twice changes
nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fmtui.errors import FmtuiError, NotFoundError, StorageError
from fmtui.paths import Home
from fmtui.runs import queue, slots
from fmtui.runs.backends import backend_of
from fmtui.runs.folder import ENDED, Exit, RunFolder
from fmtui.runs.journal import story_of
from fmtui.runs.layout import Layout
from fmtui.runs.process import is_locked, locked, spawn_detached, sweep, try_lock
from fmtui.services.context import Context
from registry import runs
from registry.database import Database
from registry.views import RunInfo

ROOM = 1_000_000
"""Bytes that must be free on the disk for a run to start."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a folder proves of a run that the registry does not say yet."""

    state: str
    error: str | None = None


def settle(ctx: Context, number: int) -> Proof | None:
    """Write the end of one run, once its folder has one: metrics, and the model that it made.

    A lock in the folder keeps two that look at the same time from registering the model twice.
    Returns what the registry could not be told, with the reason; the next look tries again.
    """
    folder = RunFolder(ctx.home.runs / f"r{number}")
    try:
        with locked(folder.path / "settle.lock", timeout=60.0):
            end = folder.exit()
            row = runs.find(ctx.db, number)
            if end is None or row is None or row.state in ENDED:
                return None
            _settle(ctx, folder, row, end)
            return None
    except (OSError, StorageError) as fault:
        end = folder.exit()
        if end is None:
            return None
        if end.state != "completed":
            return Proof(end.state, end.error)
        # The weights lie whole in the folder, only the registry does not know them yet.
        return Proof("finalizing", f"what it made could not be registered yet: {fault}")


def _settle(ctx: Context, folder: RunFolder, row: RunInfo, end: Exit) -> None:
    story = story_of(folder.journal)
    state, error, output = end.state, end.error, None
    if state == "completed" and row.kind in ("finetune", "import") and row.output is None:
        try:
            output = _register(ctx, folder, story.final_metrics())
        except StorageError:
            raise
        except FmtuiError as fault:
            state, error = "failed", f"what it made could not be registered: {fault}"
    runs.settle(
        ctx.db,
        row.id,
        state=state,
        started=story.started,
        ended=end.ended,
        away=story.away,
        error=error,
        metrics=story.final_metrics(),
        points=[*story.points, *story.resources],
        output_version_id=output,
    )


def _register(ctx: Context, folder: RunFolder, metrics: Mapping[str, float]) -> int | None:
    from fmtui.services import card, models, remote

    spec = folder.spec()
    parent: str | None = spec["model"]["ref"]
    try:
        models.show(ctx, spec["model"]["ref"])
    except NotFoundError:  # removed while the run was at work, or never here
        parent = None
    if spec["backend"] == "azureml":
        return remote.register(ctx, folder, spec, parent)
    if (folder.output / "model").is_dir():
        with suppress(KeyError, TypeError, ValueError):  # a spec of an older version lacks a part
            card.write(spec, metrics, folder.output / "model")
    return models.register_output(
        ctx,
        folder=folder.output / "model",
        name=spec["name"],
        parent_ref=parent,
        origin=f"run:{spec['run']}",
        task=spec["task"],
        labels=spec["labels"],
        license=spec["model"].get("license"),
    )


def reap(ctx: Context) -> dict[int, Proof]:
    """Settle every run that ended since someone last looked, then start what is queued.

    Returns, by number, what is proved of the runs that are not settled: that is their state, even
    where the registry can't be written.
    """
    proofs: dict[int, Proof] = {}
    for row in runs.unsettled(ctx.db):
        folder = RunFolder(ctx.home.runs / f"r{row.id}")
        if not folder.path.is_dir():
            _lost(ctx, row.id)
            continue
        status = backend_of(row.backend).status(folder)
        proof = settle(ctx, row.id) if status.state in ENDED else Proof(status.state)
        if proof is None:
            continue
        proofs[row.id] = proof
        if proof.state != row.state and proof.state not in ENDED:
            try:
                runs.set_state(ctx.db, row.id, proof.state)
            except StorageError:
                pass
    if any(proof.state == "queued" for proof in proofs.values()):
        dispatch(ctx)
    return proofs


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


def waiting(ctx: Context) -> list[RunFolder]:
    """The runs that wait for this machine, in the order in which they start, paused ones too."""
    folders = (
        RunFolder(ctx.home.runs / row.run)
        for row in runs.unsettled(ctx.db)
        if row.backend == "local"
    )
    return queue.in_order(
        folder
        for folder in folders
        if folder.path.is_dir()
        and folder.exit() is None
        and not folder.was_started()
        and not folder.held()
    )


def slots_of(folder: RunFolder) -> int:
    """How many slots a run takes."""
    try:
        return slots.needed(Layout.of(folder.spec()).on_each)
    except (OSError, ValueError, TypeError):
        return 1


def room(home: Home) -> int | None:
    """The bytes that are left on the disk where they are too few to start a run, else None."""
    free = shutil.disk_usage(home.root).free
    return free if free < ROOM else None


def dispatch(ctx: Context) -> None:
    """Start a supervisor for as many queued runs as there are free slots, in their order."""
    ready = [folder for folder in waiting(ctx) if not queue.place_of(folder).paused]
    if not ready or queue.is_paused(ctx.home) or room(ctx.home) is not None:
        return
    pool, local = slots.pool(ctx.home), backend_of("local")
    free, begun = len(pool.free()), 0
    for folder in ready:
        free -= slots_of(folder)
        if free < 0:
            break
        local.submit(folder)
        begun += 1
    if begun < len(ready) and _strangers(ctx, pool) and not is_locked(_waiter(ctx)):
        spawn_detached(
            "fmtui.services.settle", [str(ctx.home.root), "--wait"], log=Path(os.devnull)
        )


def _waiter(ctx: Context) -> Path:
    return ctx.home.runs / "waiter.lock"


def _strangers(ctx: Context, pool: slots.Pool) -> bool:
    """Whether a run of another home holds a slot: its end dispatches nothing here."""
    if not pool.shared:
        return False
    mine = str(ctx.home.root)
    return any(holder is None or holder.home != mine for holder in pool.holders().values())


def _wait_for_strangers(ctx: Context) -> None:
    """Look again and again while runs wait for slots that others of this machine hold."""
    lock = try_lock(_waiter(ctx))
    if lock is None:
        return
    while any(not queue.place_of(folder).paused for folder in waiting(ctx)):
        if not _strangers(ctx, slots.pool(ctx.home)):
            break
        time.sleep(1.0)
        reap(ctx)
    os.close(lock)
    reap(ctx)


def _see_off(folder: RunFolder) -> None:
    """Wait until a worker without a supervisor is gone, then end what it left behind."""
    deadline = time.monotonic() + 30
    while folder.held() and time.monotonic() < deadline:
        time.sleep(0.05)
    sweep(folder.path)


def main() -> None:
    from fmtui.services.reindex import adopt

    home = Home(Path(sys.argv[1]))
    ctx = Context(home, Database(home.registry))
    option = sys.argv[2] if len(sys.argv) > 2 else ""
    try:
        if option == "--wait":
            _wait_for_strangers(ctx)
            return
        if option:
            _see_off(RunFolder(home.runs / option))
        adopt(ctx)
        reap(ctx)
        dispatch(ctx)
    except (FmtuiError, OSError) as error:
        # Nobody is left to tell but the log; whoever looks next does the same again.
        sys.exit(f"not settled yet: {error}")


if __name__ == "__main__":
    main()
