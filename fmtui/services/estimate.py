"""What a run will need, told before it starts; `reality.py` holds it against what it took."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fmtui.estimate import machine as machines
from fmtui.estimate.changes import smaller
from fmtui.estimate.lengths import Lengths, count
from fmtui.estimate.memory import Memory, idle_words, memory, trainable
from fmtui.estimate.shape import shape_of
from fmtui.estimate.work import Work, work
from fmtui.runs.layout import Layout
from fmtui.services import speeds
from fmtui.services.context import Context
from fmtui.services.text import size
from fmtui.tasks.base import Record, Task
from fmtui.tasks.settings import LOCAL
from registry.views import ModelInfo

_FULL, _ADAMW = 4, 8
_ROOM = 0.95
"""Of the memory, what a run may fill."""


@dataclass(frozen=True, slots=True)
class Change:
    """Settings that would make a run smaller, and the bytes of memory that it would need then."""

    settings: dict[str, str]
    memory_bytes: int
    fits: bool

    def words(self) -> str:
        """`per_device_train_batch_size=8 gradient_accumulation_steps=4: 3.1 GB`."""
        return f"{' '.join(f'{k}={v}' for k, v in self.settings.items())}: " + size(
            self.memory_bytes
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes, seconds and counts of a run that has not begun.

    Args:
        memory_bytes: At most, of the GPU where there is one, else of all processes here.
        memory: The same on one process, by what takes it.
        available: The memory that there is, None where that can't be known here.
        seconds: From the first step to the end, None where no machine is known.
        disk_bytes: At most, while checkpoints lie there.
        kept_bytes: What is left at the end.
        tokens: Read while training; `mean` and `longest` are a row's.
        cut: The share of rows that are longer than `limit` tokens.
        counted: Whether the model's tokenizer counted the tokens.
        basis: What the time was worked out from.
        machine: Where it would run.
        row_flops: Operations to train on one row, backward too.
        rows_a_step: Of all processes.
        body: The model's parameters that each token is multiplied with.
        changes: What would make it fit.
    """

    memory_bytes: int
    memory: Memory
    available: int | None
    seconds: float | None
    disk_bytes: int
    kept_bytes: int
    disk_free: int
    steps: int
    tokens: int
    mean: float
    longest: int
    limit: int
    cut: float
    counted: bool
    basis: str
    machine: str
    row_flops: float
    rows_a_step: float
    body: int
    trainable: int
    changes: tuple[Change, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether memory and disk are large enough, as far as that is known."""
        enough = self.available is None or self.memory_bytes <= _ROOM * self.available
        return enough and self.disk_bytes <= self.disk_free

    def line(self) -> str:
        """`1.9 GB memory of 23.1 GB   about 5 min   270 MB disk`."""
        parts = [f"{size(self.memory_bytes)} memory"]
        if self.available is not None:
            parts[0] += f" of {size(self.available)}"
        if self.seconds is not None:
            parts.append(f"about {about(self.seconds)}")
        return "   ".join([*parts, f"{size(self.disk_bytes)} disk"])

    def problems(self) -> list[str]:
        """Why it may not fit, with what to change; none where it does."""
        found = []
        if self.available is not None and self.memory_bytes > _ROOM * self.available:
            words = (
                f"it needs about {size(self.memory_bytes)} of memory, "
                f"there are {size(self.available)}"
            )
            if self.changes:
                verb = "Fits with" if self.changes[0].fits else "Least with"
                found.append(f"{words}. {verb} {'; or '.join(c.words() for c in self.changes)}")
            else:
                found.append(words)
        if self.disk_bytes > self.disk_free:
            found.append(
                f"it needs about {size(self.disk_bytes)} of disk, {size(self.disk_free)} are free"
            )
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            **{k: v for k, v in asdict(self).items() if k not in ("memory", "changes")},
            "memory": self.memory.as_json(),
            "changes": [asdict(change) for change in self.changes],
            "fits": self.fits,
        }

    def as_spec(self) -> dict[str, Any]:
        """What a run's spec keeps of it."""
        return {k: v for k, v in self.as_json().items() if k not in ("changes", "disk_free")}


def about(seconds: float) -> str:
    """A stretch of time as one guesses it: 40 s, 5 min, 2.5 h, 3 d."""
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} d"


def estimate(
    ctx: Context,
    model: ModelInfo,
    task: Task,
    records: Sequence[Record],
    settings: Mapping[str, Any],
    *,
    rows: int,
    validation_rows: int,
    layout: Layout,
    backend: str = LOCAL,
) -> Estimate:
    """Work out what a finetuning will need.

    Args:
        records: The rows, in the task's terms, those that are split off with them.
        settings: Every setting with its value.
        rows: How many of them are trained on.
        validation_rows: How many rows are measured, of these or of others.

    Raises:
        BadInputError: the model's configuration can't be read.
    """
    folder = Path(model.path)
    shape = shape_of(folder, model.parameters)
    lengths = count(task, records, folder, settings)
    lengths = replace(lengths, times=lengths.times * rows / max(len(records), 1))
    machine = machines.here() if backend == LOCAL else None
    words = lengths.words if backend == LOCAL else None
    gpu = bool(machine and machine.gpu) or backend != LOCAL

    def need(changed: Mapping[str, Any], within: Lengths) -> tuple[Work, Memory]:
        done = work(
            shape, within, changed, task=task.name, validation_rows=validation_rows,
            processes=layout.processes,
        )  # fmt: skip
        kept = memory(
            shape, done, changed, gpu=gpu, processes=layout.processes,
            distributed=layout.distributed, idle=idle(changed),
        )  # fmt: skip
        return done, kept

    def idle(changed: Mapping[str, Any]) -> int:
        return idle_words(
            shape, words, changed, task=task.name, distributed=layout.distributed
        )  # fmt: skip

    times = 1 if gpu else layout.on_each
    done, kept = need(settings, lengths)
    available = machine.memory if machine else None
    changes: tuple[Change, ...] = ()
    if available is not None and kept.total * times > _ROOM * available:
        changes = tuple(
            Change(changed, total, total <= _ROOM * available)
            for changed, total in smaller(
                settings,
                lengths,
                lambda changed, within: need(changed, within)[1].total * times,
                round(_ROOM * available),
                quantized=gpu,
            )
        )
    trained = trainable(shape, settings) - idle(settings)
    checkpoint = shape.parameters * _FULL + trained * _ADAMW
    if settings.get("apply_lora"):
        checkpoint = trained * (_FULL + _ADAMW)
    held = 3 if done.evaluations > 1 else 2  # the best, the last, and the one being written
    output = shape.parameters * _FULL
    seconds, basis = None, "a machine that is not known here"
    if machine is not None:
        flops, basis = speeds.of(ctx, machine, shape, layout)
        seconds = speeds.seconds(done, shape, flops, checkpoint=checkpoint, output=output)
    return Estimate(
        memory_bytes=kept.total * times,
        memory=kept,
        available=available,
        seconds=seconds,
        disk_bytes=max(held * checkpoint, 2 * checkpoint + output),
        kept_bytes=output,
        disk_free=_free(ctx),
        steps=done.steps,
        tokens=done.tokens,
        mean=lengths.tokens / max(lengths.rows, 1),
        longest=max(lengths.inputs, default=0),
        limit=lengths.limit,
        cut=lengths.cut,
        counted=lengths.counted,
        basis=basis,
        machine=machine.label if machine else backend,
        row_flops=done.train_flops / max(lengths.rows, 1),
        rows_a_step=lengths.rows * done.epochs / done.steps,
        body=shape.body,
        trainable=trained,
        changes=changes,
    )


def _free(ctx: Context) -> int:
    place = ctx.home.root
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
