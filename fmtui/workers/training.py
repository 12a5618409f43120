"""The transformers Trainer with fmtui's batches, its journal, and checkpoints that are whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerControl, TrainingArguments

from fmtui.runs import checkpoints
from fmtui.runs.checkpoints import COMPLETE, checkpoint_step, mark_complete
from fmtui.tasks.base import lower_is_better
from fmtui.workers import metrics
from fmtui.workers.batches import TokenBudgetBatches
from fmtui.workers.harness import Worker
from fmtui.workers.tasks.base import Columns, Loaded, Procedure, Record
from fmtui.workers.together import Together

_PROGRESS_SECONDS = 0.5
_NOTHING_LEFT = 1_000_000
"""Bytes free on a disk that is taken for full once a checkpoint could not be written to it."""


@dataclass
class Measure:
    """Measures a model in training on the rows held out."""

    task: str
    procedure: Procedure
    loaded: Loaded
    records: Sequence[Record]
    together: Together

    def __call__(self, model: Any, *, whole: bool) -> dict[str, float]:
        """Metrics by name.

        Args:
            whole: Every process takes all rows, as a model that is spread over them needs: each
                pass is one that all of them make. Else each takes its share.
        """
        ranks = 1 if whole else self.together.ranks
        rank = 0 if whole else self.together.rank
        share = self.records[rank::ranks]
        loaded = replace(self.loaded, model=model)
        model.eval()
        mine = self.procedure.predict(loaded, share) if share else {}
        parts = [mine] if whole else self.together.gathered(mine)
        columns: Columns = {}
        for number, part in enumerate(parts):
            for name, values in part.items():
                column = columns.setdefault(name, [None] * len(self.records))
                column[number::ranks] = values
        for name in self.records[0]:
            columns[name] = [record.get(name) for record in self.records]
        return metrics.of(self.task, columns, loaded.labels)


class BucketTrainer(Trainer):  # type: ignore[misc]
    """Trains on `TokenBudgetBatches`, and counts a checkpoint only when it is whole.

    A checkpoint is synced, then marked by the file `.complete`; only marked ones are resumed
    from. Older ones are deleted after the new one is marked: the best and the last are kept.
    """

    def __init__(
        self,
        *args: Any,
        lengths: list[int],
        divides_loss: bool,
        measure: Measure,
        together: Together,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # The Trainer takes every model that accepts keywords for one that divides its loss by the
        # rows of all processes and accumulated batches. Most classifiers don't: their gradients
        # would be summed where they are to be averaged.
        self.model_accepts_loss_kwargs &= divides_loss
        self.measure = measure
        self.together = together
        self.batches = TokenBudgetBatches(
            lengths,
            self.args.per_device_train_batch_size,
            seed=self.args.seed,
            shares=together.ranks,
        )

    def get_train_dataloader(self) -> DataLoader:
        loader = DataLoader(
            self.train_dataset,
            batch_sampler=self.batches,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory and self.args.device.type == "cuda",
        )
        config = self.accelerator.dataloader_config
        # The batches are even by themselves; evaluation still wants its own evened.
        before, config.even_batches = config.even_batches, False
        prepared: DataLoader = self.accelerator.prepare(loader)
        config.even_batches = before
        return prepared

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

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        root = Path(self.args.output_dir)
        folder = root / f"checkpoint-{self.state.global_step}"
        if self.together.same((folder / COMPLETE).exists()):
            return
        if self.args.should_save:
            shutil.rmtree(folder, ignore_errors=True)
        self.together.wait()
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:
            full = shutil.disk_usage(root).free < _NOTHING_LEFT
            shutil.rmtree(folder, ignore_errors=True)
            if full:  # whatever words the writer of tensors found for it
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        self.together.wait()
        if self.args.should_save:
            mark_complete(folder)
            keep = {self.state.best_model_checkpoint, str(folder)}
            for other in root.iterdir():
                if checkpoint_step(other) >= 0 and str(other) not in keep:
                    checkpoints.remove(other)
        self.together.wait()


class JournalCallback(TrainerCallback):  # type: ignore[misc]
    """Writes what happens into the journal and the log, and stops when told to."""

    def __init__(
        self,
        worker: Worker,
        batches: TokenBudgetBatches,
        save_minutes: float,
        together: Together,
    ) -> None:
        self.worker = worker
        self.together = together
        self.batches = batches
        self.save_seconds = save_minutes * 60
        self.rows_a_step = len(batches.lengths) / max(len(batches.sizes), 1)
        self.last_progress = 0.0
        self.last_save = time.monotonic()
        self.begun = 0.0
        self.first_step = 0
        self.paused = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.begun = time.monotonic()
        self.first_step = state.global_step
        self.worker.journal.state("running")

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.batches.set_epoch(int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.monotonic()
        # An epoch's last step is measured and saved at the epoch's end in any case.
        between = not float(state.epoch).is_integer()
        stopping, due = self.together.any(
            self.worker.stopping.is_set(), now - self.last_save > self.save_seconds
        )
        if stopping:
            self.worker.stopping.set()
            control.should_save = between
            control.should_training_stop = True
            control.should_evaluate = False
        elif between and due:
            control.should_save = True
        if now - self.last_progress >= _PROGRESS_SECONDS or state.global_step == state.max_steps:
            self.last_progress = now
            self._progress(state, now)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # The Trainer takes a stop in the middle of an epoch for the epoch's end.
        if self.worker.stopping.is_set() and not float(state.epoch).is_integer():
            control.should_evaluate = False
            control.should_save = False

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
            if values["loss"] != values["loss"]:
                raise FloatingPointError("the loss is not a number. Lower learning_rate.")

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
        if state.best_global_step == state.global_step and state.best_metric is not None:
            name = args.metric_for_best_model.removeprefix("eval_")
            text = f"{name} {state.best_metric:.4f} at step {state.global_step}"
            self.worker.journal.write("best", text=text)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.last_save = time.monotonic()
        name = f"checkpoint-{state.global_step}"
        with contextlib.suppress(OSError):
            self.worker.journal.write("checkpoint", step=state.global_step, path=name)
        self.worker.say(f"{name} is written")


def arguments(
    settings: dict[str, Any],
    folder: Path,
    precision: str,
    *,
    has_validation: bool,
    report_to: Sequence[str] = (),
) -> TrainingArguments:
    """The Trainer's arguments from a spec's settings; what trackers write lies beside `folder`."""
    import torch

    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.parent / "tensorboard"))
    os.environ.setdefault("WANDB_DIR", str(folder.parent))

    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings["num_train_epochs"],
        max_steps=settings["max_steps"],
        learning_rate=settings["learning_rate"],
        per_device_train_batch_size=settings["per_device_train_batch_size"],
        per_device_eval_batch_size=settings["per_device_eval_batch_size"],
        gradient_accumulation_steps=settings["gradient_accumulation_steps"],
        lr_scheduler_type=settings["lr_scheduler_type"],
        warmup_steps=settings["warmup_ratio"],
        weight_decay=settings["weight_decay"],
        max_grad_norm=settings["max_grad_norm"],
        label_smoothing_factor=settings["label_smoothing_factor"],
        logging_steps=settings["logging_steps"],
        logging_nan_inf_filter=False,
        seed=settings["seed"],
        full_determinism=settings["enable_full_determinism"],
        metric_for_best_model=settings["metric_for_best_model"] if has_validation else None,
        greater_is_better=(
            not lower_is_better(settings["metric_for_best_model"]) if has_validation else None
        ),
        load_best_model_at_end=has_validation,
        eval_strategy="epoch" if has_validation else "no",
        save_strategy="epoch",
        save_total_limit=None,
        bf16=precision == "bf16",
        fp16=precision == "16",
        use_cpu=not torch.cuda.is_available(),
        optim="adamw_torch_fused",
        report_to=list(report_to) or "none",
        disable_tqdm=True,
        remove_unused_columns=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=False,
    )
