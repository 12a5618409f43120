"""Runs as they are looked at: each in the state that its folder proves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fmtui.errors import NotFoundError
from fmtui.runs.folder import ENDED, RunFolder
from fmtui.runs.journal import story_of
from fmtui.services.context import Context
from fmtui.services.settle import Proof, reap
from registry import run_list
from registry import runs as rows
from registry.run_list import Wanted
from registry.views import RunInfo


def number_of(ref: str) -> int:
    """The number in `r17` or `17`. Raises NotFoundError for what is no run's name."""
    text = ref.strip().lower().removeprefix("r")
    if not re.fullmatch(r"[0-9]{1,18}", text):  # more is no integer of SQLite's
        raise NotFoundError(f"`{ref}` is no run", hint="Runs are called r1, r2, …")
    return int(text)


def folder_of(ctx: Context, ref: str) -> RunFolder:
    """Where a run is, whether it is there or not. Raises NotFoundError for what is no name."""
    return RunFolder(ctx.home.runs / f"r{number_of(ref)}")


def list_runs(
    ctx: Context,
    wanted: Wanted | None = None,
    *,
    order: str = "run",
    down: bool | None = None,
    limit: int = 500,
) -> list[RunInfo]:
    """Runs, newest first unless `order` says otherwise, each in the state that its folder proves.

    Raises UsageError for an order that there is not.
    """
    proofs = reap(ctx)
    found = run_list.find_runs(ctx.db, wanted, order=order, down=down, limit=limit)
    return [_proved(info, proofs) for info in found]


def order_runs(
    ctx: Context, wanted: Wanted | None = None, *, order: str = "run", down: bool | None = None
) -> list[int]:
    """The numbers of all those runs, in their order; cheap, also where there are many."""
    return run_list.run_ids(ctx.db, wanted, order=order, down=down)


def read_runs(ctx: Context, ids: Sequence[int], proofs: Mapping[int, Proof]) -> list[RunInfo]:
    """Some runs by their numbers, in the states that `reap` proved a moment ago."""
    return [_proved(info, proofs) for info in run_list.runs_by_id(ctx.db, ids)]


def facets(ctx: Context) -> dict[str, list[tuple[str, int]]]:
    """By `state`, `kind`, `model` and `tag`: what runs have, and how many have it."""
    return run_list.facets(ctx.db)


def _proved(info: RunInfo, proofs: Mapping[int, Proof]) -> RunInfo:
    """A run in the state that its folder proves, also where the registry could not be told."""
    proof = proofs.get(info.id)
    return info if proof is None else replace(info, state=proof.state, error=proof.error)


def active(ctx: Context) -> int:
    """How many runs are under way or queued, as last written; cheap enough for every frame."""
    row = ctx.db.read().execute(
        "SELECT count(*) FROM run WHERE state NOT IN ('completed', 'failed', 'canceled')"
    )
    return int(row.fetchone()[0])


def show(ctx: Context, ref: str) -> RunInfo:
    """One run, in the state that its folder proves. Raises NotFoundError."""
    number = number_of(ref)
    info = rows.find(ctx.db, number)
    if info is None:
        raise NotFoundError(f"no run `r{number}`", hint="`fmtui run list` shows what there is.")
    if info.state not in ENDED:
        proofs = reap(ctx)
        info = _proved(rows.find(ctx.db, number) or info, proofs)
    folder = folder_of(ctx, ref)
    if info.state in ENDED or not folder.path.is_dir():
        return info
    story = story_of(folder.journal)
    return replace(info, started=story.started, away=story.away, metrics=story.final_metrics())
