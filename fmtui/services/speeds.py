"""How fast this machine trains: what earlier runs reached, else what was measured or is known."""

from __future__ import annotations

from statistics import median

from fmtui.estimate import machine as machines
from fmtui.estimate.machine import Machine
from fmtui.estimate.shape import Shape
from fmtui.estimate.work import Work
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import story_of
from fmtui.runs.layout import Layout
from fmtui.services.context import Context
from registry.run_list import Wanted, find_runs

_WRITTEN_A_SECOND = 200e6
"""Bytes of checkpoints that a disk takes; slower ones are rare, faster ones no matter."""

_STEP_SECONDS, _STEP_SECONDS_A_LAYER = 0.004, 0.0015
"""What a step costs beside its arithmetic."""

_LOOKED_AT, _USED = 12, 3
_ALIKE = 4.0
"""Runs of models up to so many times larger or smaller tell how fast another will be."""


def seconds(done: Work, shape: Shape, flops: float, *, checkpoint: int, output: int) -> float:
    """How long a run takes from its first step to its end, at so many operations a second.

    `checkpoint` and `output` are the bytes of one checkpoint and of the model that comes out.
    """
    training = done.epochs * done.train_flops / flops + done.steps * _step(shape)
    measuring = done.evaluations * done.evaluate_flops / flops
    saving = (max(done.evaluations, 1) * checkpoint + output) / _WRITTEN_A_SECOND
    return training + measuring + saving


def _step(shape: Shape) -> float:
    return _STEP_SECONDS + _STEP_SECONDS_A_LAYER * shape.all_layers


def of(ctx: Context, machine: Machine, shape: Shape, layout: Layout) -> tuple[float, str]:
    """Operations a second of all processes, and where that is known from."""
    if earlier := _earlier(ctx, machine, shape, layout):
        return median(earlier), "earlier runs on this machine"
    flops = machines.speed(machine, ctx.home.root / "machine.json")
    if machine.gpu:
        return flops * layout.on_each, "the GPU's data sheet"
    return flops, "a matrix product timed here"


def _earlier(ctx: Context, machine: Machine, shape: Shape, layout: Layout) -> list[float]:
    """What the last runs of models of about that size reached on this machine."""
    found: list[float] = []
    wanted = Wanted(kind="finetune", state="completed")
    for info in find_runs(ctx.db, wanted, limit=_LOOKED_AT):
        folder = RunFolder(ctx.home.runs / info.run)
        try:
            spec = folder.spec()
            told = spec["estimate"]
            alike = max(told["body"] / shape.body, shape.body / told["body"])
            if told["machine"] != machine.label or Layout.of(spec) != layout or alike > _ALIKE:
                continue
            a_row = 1 / float(story_of(folder.journal).rate or 0)
            a_row -= _step(shape) / float(told["rows_a_step"])
            flops = float(told["row_flops"]) / a_row
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
            continue  # its folder is gone, or an earlier version wrote no estimate
        if flops > 0:
            found.append(flops)
        if len(found) == _USED:
            break
    return found
