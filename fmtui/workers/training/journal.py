"""What a training tells: progress, curves, measurements and checkpoints, in the journal and log."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from transformers import TrainerCallback

from fmtui.workers.harness import Worker
from fmtui.workers.training.trainer import BucketTrainer

_PROGRESS_SECONDS = 0.5


class JournalCallback(TrainerCallback):  # type: ignore[misc]
    """Writes what happens into the journal and the log."""

    def __init__(self, worker: Worker, trainer: BucketTrainer) -> None:
        self.worker = worker
        steps = trainer.batches.steps(trainer.args.gradient_accumulation_steps)
        self.rows_a_step = len(trainer.batches.lengths) / max(steps, 1)
        self.last_progress = 0.0
        self.begun = 0.0
        self.first_step = 0
        self.paused = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.begun = time.monotonic()
        self.first_step = state.global_step
        self.worker.journal.state("running")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.monotonic()
        if state.global_step == self.first_step + 1:
            self.worker.say(f"the first step is made, {time.process_time():.2f} CPU seconds")
        if now - self.last_progress >= _PROGRESS_SECONDS or state.global_step == state.max_steps:
            self.last_progress = now
            self._progress(state, now)

    def _progress(self, state: Any, now: float) -> None:
        steps = state.global_step - self.first_step
        seconds = now - self.begun - self.paused
        self.worker.journal.write(
            "progress",
            step=state.global_step,
            total=state.max_steps,
            epoch=round(state.epoch or 0.0, 4),
            epochs=state.num_train_epochs,
            rate=round(steps * self.rows_a_step / seconds, 2) if seconds > 0 else None,
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        names = ("loss", "learning_rate", "grad_norm")
        values = {name: float(logs[name]) for name in names if name in (logs or {})}
        if not values:
            return
        self.worker.journal.metrics(state.global_step, state.epoch, "train", values)
        if "loss" in values:
            rate = values.get("learning_rate", 0.0)
            self.worker.say(f"step {state.global_step} loss {values['loss']:.4f} lr {rate:.2e}")

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> None:
        skipped = ("runtime", "samples_per_second", "steps_per_second", "epoch")
        values = {
            name.removeprefix("eval_"): float(value)
            for name, value in (metrics or {}).items()
            if name.removeprefix("eval_") not in skipped
        }
        self.paused += float((metrics or {}).get("eval_runtime", 0.0))
        self.worker.journal.metrics(state.global_step, state.epoch, "validation", values)
        shown = " ".join(f"{name} {value:.4f}" for name, value in values.items())
        self.worker.say(f"step {state.global_step} validation {shown}")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        name = f"checkpoint-{state.global_step}"
        with contextlib.suppress(OSError):
            self.worker.journal.write("checkpoint", step=state.global_step, path=name)
            self.worker.tell_disk()
        self.worker.say(f"{name} is written")
