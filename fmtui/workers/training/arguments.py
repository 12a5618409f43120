"""The Trainer's arguments from a run's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from fmtui.tasks.base import lower_is_better


def arguments(
    settings: Mapping[str, Any],
    folder: Path,
    precision: str,
    *,
    validated: bool,
    steps_an_epoch: int,
    report_to: Sequence[str] = (),
) -> TrainingArguments:
    """The arguments; when a checkpoint is written, `Saving` says, but for that of the best model.

    Args:
        folder: Where checkpoints go; what trackers write lies beside it.
        precision: 32, bf16 or 16.
        validated: Whether there are rows to measure on.
    """
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder.parent / "tensorboard"))
    os.environ.setdefault("WANDB_DIR", str(folder.parent))
    cuda = torch.cuda.is_available()
    measured = validated and settings["evaluation_strategy"] != "no"
    metric = settings["metric_for_best_model"] if measured else None
    workers = settings["dataloader_num_workers"]
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings["num_train_epochs"],
        max_steps=settings["max_steps"],
        learning_rate=settings["learning_rate"],
        per_device_train_batch_size=settings["per_device_train_batch_size"],
        per_device_eval_batch_size=settings["per_device_eval_batch_size"],
        gradient_accumulation_steps=settings["gradient_accumulation_steps"],
        lr_scheduler_type=settings["lr_scheduler_type"],
        warmup_steps=settings["warmup_steps"] or settings["warmup_ratio"],
        optim=settings["optim"],
        weight_decay=settings["weight_decay"],
        adam_beta1=settings["adam_beta1"],
        adam_beta2=settings["adam_beta2"],
        adam_epsilon=settings["adam_epsilon"],
        max_grad_norm=settings["max_grad_norm"],
        label_smoothing_factor=settings.get("label_smoothing_factor", 0.0),  # none in QA
        neftune_noise_alpha=settings.get("neftune_noise_alpha") or None,  # one task's alone
        activation_checkpointing=settings["gradient_checkpointing"],
        activation_checkpointing_kwargs={"use_reentrant": False},
        torch_compile=settings["torch_compile"],
        use_liger_kernel=settings["use_liger_kernel"],
        logging_strategy=settings["logging_strategy"],
        logging_steps=settings["logging_steps"],
        logging_nan_inf_filter=False,
        seed=settings["seed"],
        full_determinism=settings["enable_full_determinism"],
        metric_for_best_model=metric,
        greater_is_better=None if metric is None else not lower_is_better(metric),
        load_best_model_at_end=measured,
        eval_strategy=settings["evaluation_strategy"] if measured else "no",
        eval_steps=_eval_steps(settings, steps_an_epoch),
        save_strategy="best" if measured else "no",
        save_total_limit=None,
        bf16=precision == "bf16",
        fp16=precision == "16",
        use_cpu=not cuda,
        report_to=list(report_to) or "none",
        disable_tqdm=True,
        dataloader_num_workers=workers,
        dataloader_persistent_workers=workers > 0,
        dataloader_pin_memory=cuda,
        ddp_find_unused_parameters=False,
    )


def _eval_steps(settings: Mapping[str, Any], steps_an_epoch: int) -> int:
    share = float(settings["evaluation_steps_interval"])
    if share > 0:
        return max(1, round(share * steps_an_epoch))
    return int(settings["eval_steps"])
