"""The queue: which runs wait, in which order, and why each of them does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fmtui.errors import ConflictError, FmtuiError, NotFoundError
from fmtui.runs import queue, slots
from fmtui.runs.folder import ENDED, RunFolder
from fmtui.services.context import Context
from fmtui.services.settle import dispatch, reap, room, slots_of, waiting
from registry import runs as rows
from registry.database import storage_errors

__all__ = ["QueueEntry", "entries", "move", "paused", "reason", "reasons", "set_paused"]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A run that waits. `position` is 1 for the one that starts next; `reason` is a sentence
    without a full stop."""

    run: str
    position: int
    priority: int
    paused: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "position": self.position,
            "priority": self.priority,
            "paused": self.paused,
            "reason": self.reason,
        }


def entries(ctx: Context) -> list[QueueEntry]:
    """The runs that wait, in the order in which they start, each with the reason why it does."""
    reap(ctx)
    return _entries(ctx)


def reasons(ctx: Context) -> dict[str, str]:
    """Why each queued run waits, by run; asks nobody to do anything."""
    return {entry.run: entry.reason for entry in _entries(ctx)}


def reason(ctx: Context, run: str) -> str | None:
    """Why one run waits, None when it does not."""
    return reasons(ctx).get(run)


def _entries(ctx: Context) -> list[QueueEntry]:
    found = waiting(ctx)
    if not found:
        return []
    general = _general_reason(ctx)
    pool = slots.pool(ctx.home)
    free, held = len(pool.free()), _held_by(ctx, pool)
    result: list[QueueEntry] = []
    before: list[str] = []
    ahead = 0
    for position, folder in enumerate(found, 1):
        place, run = queue.place_of(folder), folder.path.name
        if place.paused:
            why = f"paused; `fmtui run unpause {run}` lets it go on"
        elif general:
            why = general
        else:
            need = slots_of(folder)
            why = _why(before, ahead, need, free, held)
            before.append(run)
            ahead += need
        result.append(QueueEntry(run, position, place.priority, place.paused, why))
    return result


def _general_reason(ctx: Context) -> str | None:
    if queue.is_paused(ctx.home):
        return "the queue is paused; `fmtui run unpause` lets it go on"
    left = room(ctx.home)
    if left is not None:
        return f"waits for room on the disk: {left / 1e6:.1f} MB are left"
    return None


def _why(before: list[str], ahead: int, need: int, free: int, held: str) -> str:
    if ahead + need <= free:
        return "starts now"
    behind = f"behind {before[-1]}" if before else ""
    if need > 1 and ahead < free:
        return f"waits for {need} free slots: {held or f'there are {free}'}"
    if not free:
        return "waits for a free slot: " + held + (f"; {behind}" if behind else "")
    return f"waits {behind}"


def _held_by(ctx: Context, pool: slots.Pool) -> str:
    """`cpu is held by r1`; a run of somebody else is named with its owner."""
    mine = slots.holder_of(ctx.home, "")
    words = []
    for name, holder in pool.holders().items():
        if holder is None:
            words.append(f"{name} is held by another program")
        elif holder.home == mine.home:
            words.append(f"{name} is held by {holder.run}")
        else:
            whose = "another home" if holder.user == mine.user else holder.user
            words.append(f"{name} is held by {holder.run} of {whose}")
    return ", ".join(words)


def paused(ctx: Context) -> bool:
    """Whether the queue as a whole is held back."""
    return queue.is_paused(ctx.home)


def set_paused(ctx: Context, run: str | None, value: bool) -> None:
    """Hold back a queued run, or the whole queue where `run` is None; or let it go on.

    Raises ConflictError for a run that does not wait.
    """
    folder = _queued(ctx, run) if run is not None else None
    with storage_errors(ctx.home.runs):
        if folder is None:
            queue.set_paused(ctx.home, value)
        else:
            queue.put(folder, replace(queue.place_of(folder), paused=value))
    if not value:
        dispatch(ctx)


def move(
    ctx: Context, run: str, *, first: bool = False, last: bool = False, priority: int | None = None
) -> None:
    """Give a queued run another place: before all others, behind them, or by priority.

    Raises ConflictError for a run that does not wait.
    """
    folder = _queued(ctx, run)
    with storage_errors(ctx.home.runs):
        if priority is not None:
            queue.put(folder, replace(queue.place_of(folder), priority=priority, order=None))
        if first or last:
            queue.move(folder, waiting(ctx), first=first)


def _queued(ctx: Context, run: str) -> RunFolder:
    number = run.strip().lower().removeprefix("r")
    row = rows.find(ctx.db, int(number)) if number.isdigit() else None
    if row is None:
        raise NotFoundError(f"no run `{run}`", hint="`fmtui run queue` shows what waits.")
    for folder in waiting(ctx):
        if folder.id == row.id:
            return folder
    raise _not_waiting(row.run, row.state)


def _not_waiting(run: str, state: str) -> FmtuiError:
    hint = "`fmtui run queue` shows what waits."
    if state not in ENDED and state != "queued":
        hint = f"`fmtui run cancel {run}` ends it; it can be resumed from its last checkpoint."
    return ConflictError(f"{run} does not wait: it is {state}", hint=hint)
