"""The finetune run, from its spec to a folder with a model in it; reads from top to bottom."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import set_seed
from transformers.trainer_callback import PrinterCallback

from fmtui.data.split import deal
from fmtui.runs.layout import Layout
from fmtui.tasks import get_task
from fmtui.tasks.base import Task
from fmtui.tasks.settings import complete
from fmtui.workers import adapters, heap
from fmtui.workers.batches import TokenBudgetBatches
from fmtui.workers.harness import Worker
from fmtui.workers.loading import examples
from fmtui.workers.probe import choose
from fmtui.workers.tasks import get_procedure
from fmtui.workers.together import Together
from fmtui.workers.training.arguments import arguments
from fmtui.workers.training.journal import JournalCallback
from fmtui.workers.training.measure import Measure
from fmtui.workers.training.output import write_model
from fmtui.workers.training.saving import Saving
from fmtui.workers.training.stopping import EarlyStopping
from fmtui.workers.training.tensorboard import go_on
from fmtui.workers.training.trainer import BucketTrainer, Rows
from fmtui.workers.vocabulary import narrow


def run(worker: Worker) -> None:
    """Finetune as `worker.spec` says; the model lies in `output/model` when it returns."""
    checkpoints = worker.folder.checkpoints
    if (worker.folder.output / "model").is_dir():
        worker.say("the model was written by an earlier attempt")
        shutil.rmtree(checkpoints, ignore_errors=True)
        return
    spec = worker.spec
    spec["settings"] = complete(spec["task"], spec["settings"])
    trainer = prepare(worker)
    together = trainer.together
    if worker.main and not spec["settings"]["resume_from_checkpoint"]:
        shutil.rmtree(checkpoints, ignore_errors=True)
    checkpoints.mkdir(exist_ok=True)
    resume = together.same(worker.resume_from() if worker.main else None)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    together.check_canceled()

    worker.journal.state("finalizing")
    if trainer.state.best_global_step is not None:
        worker.journal.write("kept", step=trainer.state.best_global_step)
    write_model(trainer, spec)
    together.part()
    if not worker.main:
        return
    worker.tell_disk()
    # The best and the last checkpoint served their purpose: the model is in output/.
    shutil.rmtree(checkpoints, ignore_errors=True)
    worker.say("the model is written")


def prepare(worker: Worker) -> BucketTrainer:
    """All that comes before the first step: rows, model, what the machine does fastest."""
    heap.keep()
    spec, settings = worker.spec, worker.spec["settings"]
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
    if settings["apply_lora"]:
        loaded.model = adapters.add(loaded.model, spec["task"], settings, loaded.fresh)
    together = Together(worker)
    together.check_canceled()

    rows, collator = Rows(features), procedure.collator(loaded)
    if settings["pad_to_max_length"]:
        collator.padding, collator.max_length = "max_length", loaded.limit
        lengths = [loaded.limit] * len(lengths)
    sample = collator([rows[i] for i in range(min(8, len(rows)))])
    chosen = together.same(choose(worker.folder.path, loaded.model, sample, settings["precision"]))
    if worker.main:
        chosen.save()
    worker.say(f"precision {chosen.precision}: {chosen.reason}; threads {chosen.threads}")
    worker.journal.write("note", message=f"precision {chosen.precision}: {chosen.reason}")
    if chosen.narrow and Layout.of(spec).distributed == "ddp":
        used = narrow(loaded.model, features, loaded.tokenizer.pad_token_id)
        if used is not None:
            worker.say(f"{used:,} word embeddings are trained: the others occur in no row")

    batches = TokenBudgetBatches(
        lengths,
        settings["per_device_train_batch_size"],
        seed=settings["seed"],
        shares=together.ranks,
    )
    trainer = BucketTrainer(
        model=loaded.model,
        args=arguments(
            settings,
            worker.folder.checkpoints,
            chosen.precision,
            validated=bool(validation),
            steps_an_epoch=batches.steps(settings["gradient_accumulation_steps"]),
            report_to=spec.get("report_to", ()),
        ),
        data_collator=collator,
        train_dataset=rows,
        eval_dataset=validation or None,
        processing_class=loaded.tokenizer,
        batches=batches,
        divides_loss=procedure.divides_loss,
        measure=Measure(spec["task"], procedure, loaded, validation, together),
        worker=worker,
        together=together,
        chosen=chosen,
        settings=settings,
    )
    trainer.remove_callback(PrinterCallback)
    go_on(trainer)
    trainer.add_callback(JournalCallback(worker, trainer))
    trainer.add_callback(Saving(trainer, settings))
    if trainer.args.eval_strategy != "no" and settings["early_stopping_patience"]:
        threshold = settings["early_stopping_threshold"]
        trainer.add_callback(EarlyStopping(settings["early_stopping_patience"], threshold))
    heap.settle()
    return trainer


def _records(worker: Worker, task: Task) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows to train on and to validate: two datasets, or a seeded part of one."""
    train = examples(worker, "train", task).records
    if worker.spec.get("validation"):
        return train, examples(worker, "validation", task).records
    settings = worker.spec["settings"]
    fraction = settings["validation_fraction"]
    if not fraction:
        return train, []
    parts = deal(task, train, {"validation": fraction}, seed=settings["seed"])
    return [train[i] for i in parts["train"]], [train[i] for i in parts["validation"]]
