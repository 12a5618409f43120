"""When a checkpoint is written, and how a training ends that is told to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from fmtui.workers.training.trainer import BucketTrainer


class Saving(TrainerCallback):  # type: ignore[misc]
    """A checkpoint by epochs, steps and minutes; one more, then the end, where a stop is asked for.

    The last step of an epoch is saved at the epoch's end, after it was measured.
    """

    def __init__(self, trainer: BucketTrainer, settings: Mapping[str, Any]) -> None:
        self.trainer = trainer
        self.strategy = settings["save_strategy"]
        self.steps = settings["save_steps"]
        self.seconds = settings["save_minutes"] * 60
        self.last = time.monotonic()
        self.due = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.eval_strategy == "steps" and state.global_step >= state.max_steps:
            control.should_evaluate = True  # the end is measured, wherever it falls
        late = self.strategy != "no" and time.monotonic() - self.last > self.seconds
        worker, together = self.trainer.worker, self.trainer.together
        stopping, late = together.any(worker.stopping.is_set(), late)
        self.due = late or (self.strategy == "steps" and state.global_step % self.steps == 0)
        between = not float(state.epoch).is_integer()
        if stopping:
            worker.stopping.set()
            control.should_training_stop = True
            self._leave_unmeasured(control)
            control.should_save = between
        elif between and self.due:
            control.should_save = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # The Trainer takes a stop in the middle of an epoch for the epoch's end.
        ended = float(state.epoch).is_integer()
        worker, together = self.trainer.worker, self.trainer.together
        # Told since the step's end, perhaps not all of them: who measures waits for all others.
        (stopping,) = together.any(worker.stopping.is_set())
        if stopping:
            worker.stopping.set()
            if ended:
                self._leave_unmeasured(control)
            control.should_evaluate = False
            control.should_save = ended
        elif ended:
            control.should_save |= self.due or self.strategy == "epoch"

    def _leave_unmeasured(self, control: Any) -> None:
        """What is due to be measured waits until the run goes on: stopping can't wait."""
        self.trainer.unmeasured |= control.should_evaluate
        control.should_evaluate = False

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.last = time.monotonic()
