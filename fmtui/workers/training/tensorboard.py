"""TensorBoard's event files of a run that was resumed: each step is in them once."""

from __future__ import annotations

import os
from typing import Any

from transformers.integrations.integration_utils import TensorBoardCallback

from fmtui.workers.training.trainer import BucketTrainer


class GoingOn(TensorBoardCallback):  # type: ignore[misc]
    """Tells TensorBoard where an attempt begins, so that it forgets what a killed one wrote beyond.

    By itself it notices only a step that is lower than the last, not one that comes again.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.tb_writer = self._SummaryWriter(
                log_dir=os.environ["TENSORBOARD_LOGGING_DIR"], purge_step=state.global_step + 1
            )
        super().on_train_begin(args, state, control, **kwargs)


def go_on(trainer: BucketTrainer) -> None:
    """Put it in the place of the Trainer's own, where the run reports to TensorBoard."""
    if trainer.pop_callback(TensorBoardCallback) is not None:
        trainer.add_callback(GoingOn())
