"""The transformers Trainer: token-budget batches, a loss in which each target counts the same, and
checkpoints from which a run goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerControl

from fmtui.errors import RunFailedError
from fmtui.runs import checkpoints
from fmtui.runs.checkpoints import COMPLETE, checkpoint_step, mark_complete
from fmtui.runs.process import write_json
from fmtui.workers import memory
from fmtui.workers.batches import TokenBudgetBatches
from fmtui.workers.chosen import Chosen
from fmtui.workers.harness import CanceledError, Worker
from fmtui.workers.tasks.base import Columns
from fmtui.workers.together import Together
from fmtui.workers.training.measure import Measure

_NOTHING_LEFT = 1_000_000
"""Bytes free on a disk that is taken for full once a checkpoint could not be written to it."""

_UNFINISHED = "unfinished.json"
"""In a checkpoint: what its step had begun, the loss since the last log and a measurement."""


class Rows(Sequence[dict[str, Any]]):
    """Columns as rows, for the loader."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: Any) -> Any:
        return {name: values[index] for name, values in self.columns.items()}


class BucketTrainer(Trainer):  # type: ignore[misc]
    """Trains on `TokenBudgetBatches`, and counts a checkpoint only when it is whole.

    A checkpoint is synced, then marked by the file `.complete`; only marked ones are resumed
    from. Older ones are deleted after the new one is marked: the best and the last are kept, or
    the best and the last `keep`.

    The loss of a step is the mean over its targets, however they are spread over accumulated
    batches, processes and parts of a batch: a model's own means are weighted by their targets.
    """

    def __init__(
        self,
        *args: Any,
        batches: TokenBudgetBatches,
        divides_loss: bool,
        measure: Measure,
        worker: Worker,
        together: Together,
        chosen: Chosen,
        settings: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        self.used_cache = getattr(kwargs["model"].config, "use_cache", True)
        super().__init__(*args, **kwargs)
        # The Trainer takes every model that accepts keywords for one that divides its loss by the
        # targets of all processes and accumulated batches. Most classifiers don't.
        self.model_accepts_loss_kwargs &= divides_loss
        self.loss_is_scaled_for_ga = True
        self.measure = measure
        self.worker = worker
        self.together = together
        self.chosen = chosen
        self.batches = batches
        self.keep = settings["save_total_limit"]
        self.halves = settings["auto_find_batch_size"]
        self.unmeasured = False
        """Whether the step that was just made is still to be measured."""
        self._resumed: Path | None = None
        self._step_of_batches = -1
        self._batches_of_step: list[Any] = []
        self._unchecked: torch.Tensor | None = None
        self.add_callback(_GoingOn(self))

    # Data

    def get_train_dataloader(self) -> DataLoader:
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=self.batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            persistent_workers=self.args.dataloader_persistent_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        config = self.accelerator.dataloader_config
        # The batches are even by themselves.
        before, config.even_batches = config.even_batches, False
        prepared: DataLoader = self.accelerator.prepare(loader)
        config.even_batches = before
        return prepared

    # Loss

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # nobody asks, and counting the parameters takes time at each step

    def _targets(self, inputs: Mapping[str, Any]) -> int:
        """Over how many targets the model's loss is a mean."""
        labels = inputs.get("labels")
        if labels is None:
            return memory.rows_of(inputs)
        if labels.dim() == 1 or labels.is_floating_point():  # one label a row, or any number
            return int(labels.numel())
        return int((labels[..., 1:] if self._loss_shifts_labels else labels).ne(-100).sum())

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> torch.Tensor:
        """The targets of a step: of its accumulated batches, in all processes."""
        mine = sum(self._targets(batch) for batch in batch_samples)
        count = torch.tensor(mine, device=device)
        return self.accelerator.gather(count).sum() if self.args.world_size > 1 else count

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        if self.model_accepts_loss_kwargs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        mine = self._targets(inputs)
        if not mine:  # a mean over nothing is not a number; all processes make the same passes
            return model(**inputs).logits.float().sum() * 0.0
        loss = super().compute_loss(model, inputs)
        return loss * (mine * self.accelerator.num_processes / num_items_in_batch)

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        if self._step_of_batches != self.state.global_step:
            self._step_of_batches, self._batches_of_step = self.state.global_step, []
        self._batches_of_step.append(inputs)
        loss = self._attempt(model, [inputs], num_items_in_batch)
        while loss is None:
            memory.release()
            self._halve(memory.rows_of(inputs))
            model.zero_grad()
            loss = self._attempt(model, self._batches_of_step, num_items_in_batch)
        self._check(loss)
        return loss

    def _attempt(self, model: Any, batches: list[Any], targets: Any) -> torch.Tensor | None:
        """The loss of the last of some batches; None where the memory does not suffice."""
        try:
            for batch in batches:
                loss = self._in_parts(model, batch, targets)
        except Exception as error:
            if not (self.halves and memory.is_out_of_memory(error)):
                raise
            return None
        return loss

    def _in_parts(self, model: Any, batch: Mapping[str, Any], targets: Any) -> torch.Tensor:
        pieces = memory.in_parts(batch, self.chosen.parts)
        losses = []
        for number, piece in enumerate(pieces, 1):
            wait = number < len(pieces) and self.together.ranks > 1
            with self.accelerator.no_sync(model) if wait else contextlib.nullcontext():
                losses.append(super().training_step(model, piece, targets))
        return torch.stack(losses).sum()

    def _halve(self, rows: int) -> None:
        """Twice as many parts from here on. Raises RunFailedError where that can't help."""
        if self.chosen.parts >= rows:
            raise RunFailedError(
                "out of memory, even with one row at a time",
                hint="Lower max_seq_length, or use gradient_checkpointing, apply_lora or a "
                "smaller model.",
            )
        self.chosen.halve()
        words = f"out of memory: each batch is computed in {self.chosen.parts} parts from here on"
        if self.together.ranks > 1:  # the others wait in the middle of this step
            raise RunFailedError(words, hint="Resume the run.")
        self.worker.journal.write("note", message=f"{words} (step {self.state.global_step + 1})")
        self.worker.say(words)

    def _check(self, loss: torch.Tensor) -> None:
        """Raise RunFailedError for a loss that is no number: on a GPU one pass later, so that
        nothing waits for it."""
        late, self._unchecked = self._unchecked, loss
        value = loss if loss.device.type == "cpu" else late
        if value is not None and not math.isfinite(value.item()):
            self._refuse("loss", value.item())

    def _refuse(self, what: str, value: float) -> None:
        last = self.worker.folder.last_checkpoint()
        kept = f" {last.name}, from before, is kept." if last is not None else ""
        raise RunFailedError(
            f"the {what} became {value} at step {self.state.global_step + 1} of "
            f"{self.state.max_steps}",
            hint=f"Start anew with a lower learning_rate than {self.args.learning_rate:g}.{kept}",
        )

    # Measuring and saving

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The task's own metrics of the validation rows, measured as an evaluate run does."""
        began = time.monotonic()
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        model = self.model_wrapped if sharded else self.accelerator.unwrap_model(self.model)
        values = self.measure(model, whole=sharded)
        found = {f"eval_{name}": value for name, value in values.items()}
        found["eval_runtime"] = time.monotonic() - began
        self.log(found)
        self.control: TrainerControl = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, found
        )
        return found

    def _maybe_log_save_evaluate(
        self, tr_loss: Any, grad_norm: Any, model: Any, trial: Any, *args: Any, **kwargs: Any
    ) -> None:
        if self.control.should_evaluate or self.control.should_save:
            self._check_all(grad_norm)
        try:
            super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, *args, **kwargs)
        except CanceledError:  # while it was measured: that is done when the run goes on
            self.unmeasured = True
            self._save_checkpoint(model, trial)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)
            self.control.should_evaluate = False
            self.control.should_training_stop = True

    def _check_all(self, grad_norm: Any) -> None:
        """Nothing is measured or saved that is not a number."""
        if self._unchecked is not None and not math.isfinite(self._unchecked.item()):
            self._refuse("loss", self._unchecked.item())
        # In fp16 a gradient that overflows is left out, and the scale falls.
        if grad_norm is not None and not self.args.fp16 and not math.isfinite(float(grad_norm)):
            self._refuse("gradient", float(grad_norm))

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether to save now: the best so far, and what is due anyway."""
        best: bool = super()._determine_best_metric(metrics, trial)
        if best:
            name, step = self.args.metric_for_best_model, self.state.global_step
            text = f"{name} {self.state.best_metric:.4f} at step {step}"
            self.worker.journal.write("best", text=text)
        return best or self.control.should_save

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        root = Path(self.args.output_dir)
        folder = root / f"checkpoint-{self.state.global_step}"
        if self.together.same((folder / COMPLETE).exists()):
            return
        if self.args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
        losses = self.together.gathered(self._tr_loss.item())
        self.together.wait()
        try:
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                left = {
                    "loss": sum(losses) / len(losses),
                    "logged": self._globalstep_last_logged,
                    "unmeasured": self.unmeasured,
                }
                write_json(folder / _UNFINISHED, left)
        except Exception as error:
            full = shutil.disk_usage(root).free < _NOTHING_LEFT
            shutil.rmtree(folder, ignore_errors=True)
            if full:  # whatever words the writer of tensors found for it
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        self.together.wait()
        if self.args.should_save:
            mark_complete(folder)
            self._forget(root)
        self.together.wait()

    def _forget(self, root: Path) -> None:
        """Delete the checkpoints that are neither the best nor among the last."""
        found = [path for path in root.iterdir() if checkpoint_step(path) >= 0]
        last = sorted(found, key=checkpoint_step)[-max(self.keep, 1) :]
        for path in found:
            if path not in last and str(path) != self.state.best_model_checkpoint:
                checkpoints.remove(path)

    # Going on

    def train(self, resume_from_checkpoint: Any = None, *args: Any, **kwargs: Any) -> Any:
        self._resumed = Path(resume_from_checkpoint) if resume_from_checkpoint else None
        return super().train(resume_from_checkpoint, *args, **kwargs)

    def go_on(self) -> None:
        """Finish what the step of the checkpoint had begun."""
        if self._resumed is None:
            return
        if self.state.global_step >= self.state.max_steps:  # the Trainer would make one more
            self.control.should_training_stop = True
        try:
            left = json.loads((self._resumed / _UNFINISHED).read_text())
        except FileNotFoundError:  # of an older version
            return
        self._tr_loss += left["loss"]
        self._globalstep_last_logged = left["logged"]
        if left["unmeasured"] and self.args.eval_strategy != "no":
            metrics = self._evaluate(None, None)
            if self._determine_best_metric(metrics, None):
                self.state.best_model_checkpoint = str(self._resumed)

    def _run_epoch(self, *args: Any, epoch: int, **kwargs: Any) -> None:
        if not self.control.should_training_stop:  # it is over, as was found when going on
            self.batches.set_epoch(epoch)
            super()._run_epoch(*args, epoch=epoch, **kwargs)


class _GoingOn(TrainerCallback):  # type: ignore[misc]
    def __init__(self, trainer: BucketTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.go_on()
