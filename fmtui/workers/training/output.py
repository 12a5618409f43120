"""Writing the model that a run made: whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmtui.runs.process import sync_folder
from fmtui.workers import adapters
from fmtui.workers.tasks import get_procedure
from fmtui.workers.training.trainer import BucketTrainer


def write_model(trainer: BucketTrainer, spec: Mapping[str, Any]) -> None:
    """Write what was trained into `output/model`; all processes call it, one writes."""
    output, writes = trainer.worker.folder.output, trainer.args.should_save
    weights, temp, final = output / ".weights.part", output / ".model.part", output / "model"
    if writes:
        output.mkdir(exist_ok=True)
        for folder in (weights, temp, final):
            shutil.rmtree(folder, ignore_errors=True)
    trainer.together.wait()
    _write_weights(trainer, weights)
    trainer.together.wait()
    if not writes:
        return
    if spec["settings"]["apply_lora"]:
        _write_adapted(weights, temp, spec)
        shutil.rmtree(weights)
    else:
        weights.rename(temp)
    trainer.processing_class.save_pretrained(temp)
    for file in temp.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
    temp.rename(final)
    sync_folder(output)


def _write_weights(trainer: BucketTrainer, folder: Path) -> None:
    """The weights that were trained; a model that is spread over processes is gathered by all."""
    trainer.model.config.use_cache = trainer.used_cache
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(folder))
        if trainer.args.should_save:
            (folder / "training_args.bin").unlink(missing_ok=True)
    elif trainer.args.should_save:
        trainer.model.save_pretrained(folder)


def _write_adapted(adapter: Path, folder: Path, spec: Mapping[str, Any]) -> None:
    """The base with what was trained, merged or beside it."""
    base = Path(spec["model"]["path"])
    settings = {**spec["settings"], "apply_lora": False}  # the base as it is, not as it was frozen
    model = get_procedure(spec["task"]).load(base, {**spec, "settings": settings}).model
    if spec["settings"]["merge_lora_weights"]:
        adapters.write_merged(model, adapter, folder, base)
    else:
        adapters.write_kept(model, adapter, folder, base, _hub_name(spec["model"]))


def _hub_name(model: Mapping[str, Any]) -> str:
    """What an adapter calls its base: its name on the hub, else its name here."""
    source, _, name = str(model.get("origin") or "").partition(":")
    return name.partition("@")[0] if source == "hf" else str(model["ref"])
