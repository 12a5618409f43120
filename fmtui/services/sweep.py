"""Sweeps: one finetuning for each combination of some settings, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from fmtui.errors import FmtuiError, NotFoundError, UsageError
from fmtui.services import finetune, launch, models, runs
from fmtui.services.compare import lower_is_better
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from fmtui.services.verdict import differ_in_training
from registry.references import check_name
from registry.run_list import Wanted, find_runs
from registry.views import RunInfo

MOST = 200


@dataclass(frozen=True)
class Sweep:
    """The runs of a group, the best first by `metric`, each with the settings that were swept."""

    group: str
    metric: str
    runs: tuple[RunInfo, ...]
    settings: tuple[dict[str, Any], ...]
    note: str = ""
    """Why their values can't be compared: a seed that is swept deals out other rows to validate."""

    @property
    def best(self) -> str | None:
        """The run with the best value, None where no other has one, or one has the same, or they
        are of other rows."""
        if self.note:
            return None
        known = [run for run in self.runs if self.metric in run.metrics]
        if len(known) < 2 or known[0].metrics[self.metric] == known[1].metrics[self.metric]:
            return None
        return known[0].run

    def as_json(self) -> dict[str, Any]:
        return {
            "group": self.group,
            "metric": self.metric,
            "best": self.best,
            "note": self.note,
            "runs": [
                {**run.as_json(), "settings": settings}
                for run, settings in zip(self.runs, self.settings, strict=True)
            ],
        }


def grid(words: Sequence[str]) -> dict[str, list[str]]:
    """`key=a,b,c` words as values by key. Raises UsageError."""
    found: dict[str, list[str]] = {}
    for word in words:
        key, _, values = word.partition("=")
        listed = list(dict.fromkeys(v.strip() for v in values.split(",") if v.strip()))
        if not key.strip() or not listed:
            raise UsageError(f"--sweep {word}: expected key=value,value,...")
        if key.strip() in found:
            raise UsageError(f"--sweep {key.strip()} is given twice")
        found[key.strip()] = listed
    return found


def command(request: FinetuneRequest, values: Mapping[str, Sequence[str]]) -> str:
    """The line that starts these runs; without values, the one that starts the one run."""
    words = [w for key, each in values.items() for w in ("--sweep", f"{key}={','.join(each)}")]
    return f"{request.command()} {launch.command_line(words)}" if words else request.command()


def group_of(ctx: Context, run: str) -> str | None:
    """The sweep that a run is part of, None where it is none."""
    group = runs.spec(ctx, run).get("group")
    return None if group is None else str(group)


def start(
    ctx: Context, request: FinetuneRequest, values: Mapping[str, Sequence[str]]
) -> list[RunInfo]:
    """Make a run for each combination; they start as slots get free, in their order.

    The group is called `NAME-sweep` (`NAME-sweep2` where that is taken), the models that come out
    `NAME-sweep-1`, `-2` and so on. All combinations are checked before the first run is made.

    Raises as `finetune.start`, and UsageError for a grid of more than 200 runs.
    """
    return [finetune.start(ctx, each) for each in _checked(ctx, request, values)]


def check(ctx: Context, request: FinetuneRequest, values: Mapping[str, Sequence[str]]) -> int:
    """How many runs `start` would make; raises what it would raise, and writes nothing."""
    return len(_checked(ctx, request, values))


def _checked(
    ctx: Context, request: FinetuneRequest, values: Mapping[str, Sequence[str]]
) -> list[FinetuneRequest]:
    clash = sorted(set(values) & set(request.settings))
    if clash:
        raise UsageError(f"{clash[0]} is swept and set too", hint="Leave one of them out.")
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    if len(combinations) > MOST:
        raise UsageError(f"this sweep is {len(combinations)} runs, more than {MOST}")
    group = _free_group(ctx, finetune.output_name(ctx, request))
    requests = [
        replace(
            request,
            name=f"{group}-{number}",
            group=group,
            settings={**request.settings, **combination},
        )
        for number, combination in enumerate(combinations, 1)
    ]
    for each in requests:
        finetune.check(ctx, each)
    return requests


def _free_group(ctx: Context, name: str) -> str:
    known = {model.name for model in models.list_models(ctx)}
    number = 1
    while True:
        group = f"{name}-sweep{number if number > 1 else ''}"
        taken = find_runs(ctx.db, Wanted(name=f"{group}-[0-9]*"), limit=1)
        if not taken and not any(re.fullmatch(rf"{re.escape(group)}-\d+", k) for k in known):
            return group
        number += 1


def members(ctx: Context, group: str) -> list[RunInfo]:
    """The runs of a group, newest first. Raises NotFoundError."""
    return [run for run, _ in _members(ctx, group)]


def _members(ctx: Context, group: str) -> list[tuple[RunInfo, dict[str, Any]]]:
    runs.reap(ctx)
    found = []
    for info in find_runs(ctx.db, Wanted(name=f"{check_name(group, 'sweep')}-[0-9]*")):
        try:
            spec = runs.spec(ctx, info.run)
        except FmtuiError:  # its folder is gone
            continue
        if spec.get("group") == group:
            found.append((runs.show(ctx, info.run), spec))
    if not found:
        raise NotFoundError(f"no sweep `{group}`", hint="`fmtui run list` shows what there is.")
    return found


def results(ctx: Context, group: str) -> Sweep:
    """What came of a group so far. Raises NotFoundError."""
    found = _members(ctx, group)
    metric = str(found[0][1]["settings"].get("metric_for_best_model") or "loss")
    down = lower_is_better(metric)

    def place(item: tuple[RunInfo, dict[str, Any]]) -> tuple[bool, float, int]:
        value = item[0].metrics.get(metric)
        return value is None, (value or 0.0) * (1 if down else -1), item[0].id

    found.sort(key=place)
    keys = [
        key
        for key in found[0][1]["settings"]
        if len({str(spec["settings"].get(key)) for _, spec in found}) > 1
    ]
    return Sweep(
        group=group,
        metric=metric,
        runs=tuple(info for info, _ in found),
        settings=tuple({key: spec["settings"].get(key) for key in keys} for _, spec in found),
        note=differ_in_training([info.run for info, _ in found], [spec for _, spec in found]),
    )
