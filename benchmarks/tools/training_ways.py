"""`python training_ways.py WAY JOB`: train MiniLM in one of three ways, in turns with the others.

JOB is a JSON file: the folder to work in, rows to train and to measure on, epochs, batch, rate and
seed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools import minilm, write
from tools.runs import finetune_run
from tools.turns import Turn


def ours(job: dict[str, Any]) -> Any:
    """What a finetune run trains with."""
    from fmtui.runs.folder import RunFolder
    from fmtui.workers.finetune import prepare
    from fmtui.workers.harness import Worker

    folder = Path(job["folder"]) / "ours"
    folder.mkdir()
    data = write(folder / "train.csv", job["train"])
    settings = {
        "num_train_epochs": job["epochs"],
        "learning_rate": job["rate"],
        "per_device_train_batch_size": job["batch"],
        "seed": job["seed"],
        "save_strategy": "no",
    }
    return prepare(Worker(RunFolder(finetune_run(folder, data, **settings))))


def script(job: dict[str, Any]) -> Any:
    """What the text classification examples of transformers do."""
    return _peer(job, {"padding": "max_length", "max_length": 128}, {})


def trainer(job: dict[str, Any]) -> Any:
    """A Trainer that is set well."""
    return _peer(job, {}, {"train_sampling_strategy": "group_by_length"})


def _peer(job: dict[str, Any], padding: dict[str, Any], options: dict[str, Any]) -> Any:
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        default_data_collator,
        set_seed,
    )

    set_seed(job["seed"])
    labels = sorted({label for _, label in job["train"]})
    model = AutoModelForSequenceClassification.from_pretrained(minilm(), num_labels=len(labels))
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    columns = tokenizer([text for text, _ in job["train"]], truncation=True, **padding)
    columns["label"] = [labels.index(label) for _, label in job["train"]]
    arguments = TrainingArguments(
        output_dir=str(Path(job["folder"]) / "peer"),
        num_train_epochs=job["epochs"],
        per_device_train_batch_size=job["batch"],
        learning_rate=job["rate"],
        seed=job["seed"],
        # As ours has them by default.
        warmup_steps=0.06,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **options,
    )
    return Trainer(
        model,
        arguments,
        train_dataset=Dataset.from_dict(columns),
        data_collator=default_data_collator if padding else DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
    )


def right(model: Any, tokenizer: Any, job: dict[str, Any]) -> float:
    """The share of the dev rows whose label a model finds."""
    import torch

    labels = sorted({label for _, label in job["train"]})
    found: list[str] = []
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(job["dev"]), 50):
            texts = [text for text, _ in job["dev"][start : start + 50]]
            batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
            found += [labels[i] for i in model(**batch).logits.argmax(-1).tolist()]
    return sum(a == b for a, (_, b) in zip(found, job["dev"], strict=True)) / len(found)


def main() -> None:
    from transformers import TrainerCallback

    turn = Turn()
    job = json.loads(Path(sys.argv[2]).read_text())
    made = {"ours": ours, "script": script, "trainer": trainer}[sys.argv[1]](job)

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            turn(state.global_step / state.max_steps)

    made.add_callback(Steps())
    turn.begin()
    made.train()
    used = turn.used()
    turn.end(cpu_s=used, dev_accuracy=right(made.model, made.processing_class, job))


if __name__ == "__main__":
    main()
