"""The finetune run, from its spec to a folder with a model in it; reads from top to bottom."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers import EarlyStoppingCallback, set_seed
from transformers.trainer_callback import PrinterCallback

from fmtui.data.split import stratified
from fmtui.runs.process import sync_folder
from fmtui.tasks import get_task
from fmtui.tasks.base import Task
from fmtui.workers import training
from fmtui.workers.harness import Worker
from fmtui.workers.loading import examples
from fmtui.workers.probe import probe
from fmtui.workers.tasks import get_procedure
from fmtui.workers.together import Together


def run(worker: Worker) -> None:
    """Finetune as `worker.spec` says; the model lies in `output/model` when it returns."""
    spec, settings = worker.spec, worker.spec["settings"]
    if (worker.folder.output / "model").is_dir():
        worker.say("the model was written by an earlier attempt")
        shutil.rmtree(worker.folder.checkpoints, ignore_errors=True)
        return
    train, validation = _records(worker, get_task(spec["task"]))
    set_seed(settings["seed"])
    worker.say(f"{len(train):,} rows to train on, {len(validation):,} to validate")

    procedure = get_procedure(spec["task"])
    loaded = procedure.load(Path(spec["model"]["path"]), spec)
    features = procedure.features(loaded, train)
    lengths = procedure.lengths(features)
    cut = sum(length >= loaded.limit for length in lengths)
    if cut:
        words = f"{cut} texts reach the limit of {loaded.limit} tokens"
        worker.journal.write("warning", message=words)
    together = Together(worker)
    together.check_canceled()

    train_rows = datasets.Dataset.from_dict(features)
    collator = procedure.collator(loaded)
    sample = collator([train_rows[i] for i in range(min(8, len(train_rows)))])
    choice = together.same(probe(loaded.model, sample, settings["precision"]))
    worker.say(f"precision {choice.precision}: {choice.reason}; threads {choice.threads}")
    worker.journal.write("note", message=f"precision {choice.precision}: {choice.reason}")
    set_seed(settings["seed"])  # the probe drew random numbers for its dropout

    checkpoints = worker.folder.checkpoints
    checkpoints.mkdir(exist_ok=True)
    resume = together.same(worker.resume_from() if worker.main else None)
    trainer = training.BucketTrainer(
        model=loaded.model,
        args=training.arguments(
            settings,
            checkpoints,
            choice.precision,
            has_validation=bool(validation),
            report_to=spec.get("report_to", ()),
        ),
        data_collator=collator,
        train_dataset=train_rows,
        eval_dataset=validation or None,
        processing_class=loaded.tokenizer,
        lengths=lengths,
        divides_loss=procedure.divides_loss,
        measure=training.Measure(spec["task"], procedure, loaded, validation, together),
        together=together,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(
        training.JournalCallback(worker, trainer.batches, settings["save_minutes"], together)
    )
    if validation and settings["early_stopping_patience"]:
        trainer.add_callback(EarlyStoppingCallback(settings["early_stopping_patience"]))
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    together.check_canceled()

    worker.journal.state("finalizing")
    if trainer.state.best_global_step is not None:
        worker.journal.write("kept", step=trainer.state.best_global_step)
    _save(trainer, loaded.tokenizer, worker.folder.output, together)
    together.part()
    if not worker.main:
        return
    # The best and the last checkpoint served their purpose: the model is in output/.
    shutil.rmtree(checkpoints, ignore_errors=True)
    worker.say("the model is written")


def _records(worker: Worker, task: Task) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows to train on and to validate: two datasets, or a seeded, stratified part of one."""
    train = examples(worker, "train", task).records
    if worker.spec.get("validation"):
        return train, examples(worker, "validation", task).records
    settings = worker.spec["settings"]
    fraction = settings["validation_fraction"]
    if not fraction:
        return train, []
    strata = [task.stratum(record) for record in train]
    parts = stratified(strata, {"validation": fraction}, seed=settings["seed"])
    return [train[i] for i in parts["train"]], [train[i] for i in parts["validation"]]


def _save(trainer: Any, tokenizer: Any, output: Path, together: Together) -> None:
    """Write the best model into output/model: a folder of that name is always whole."""
    temp, final = output / ".model.part", output / "model"
    if trainer.args.should_save:
        output.mkdir(exist_ok=True)
        shutil.rmtree(temp, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)
    together.wait()
    with torch.inference_mode():
        _write_weights(trainer, temp)
    together.wait()
    if not trainer.args.should_save:
        return
    tokenizer.save_pretrained(temp)
    for file in temp.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
    temp.rename(final)
    sync_folder(output)


def _write_weights(trainer: Any, folder: Path) -> None:
    """A model that is spread over processes is gathered by all of them."""
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(folder))
        (folder / "training_args.bin").unlink(missing_ok=True)
    elif trainer.args.should_save:
        trainer.model.save_pretrained(folder)
