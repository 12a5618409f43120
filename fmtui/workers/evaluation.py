"""The evaluate run: predict every row, measure, keep predictions and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from fmtui.runs.process import write_json
from fmtui.tasks import get_task
from fmtui.workers import metrics
from fmtui.workers.batches import by_length
from fmtui.workers.harness import Worker
from fmtui.workers.loading import load_model, load_tokenizer, max_length, records

_BATCH = 64


def run(worker: Worker) -> None:
    """Measure `spec.model` on `spec.data`.

    Leaves output/predictions.parquet (the records with prediction, score and right) and
    output/report.json (metrics, labels, confusion matrix, method, and figures per label).
    """
    spec = worker.spec
    task = get_task(spec["task"])
    rows = records(worker, "data", task)
    path = Path(spec["model"]["path"])
    worker.resume_from()
    worker.journal.state("running")
    worker.say(f"evaluating {len(rows):,} rows")
    tokenizer = load_tokenizer(path)
    if spec["method"] == "zero-shot":
        labels = list(spec["labels"])
        scores = _zero_shot(worker, path, tokenizer, rows, labels)
    else:
        model = load_model(path, task.auto_class)
        labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
        scores = _logits(worker, task, model, tokenizer, rows, labels)
    _report(worker, rows, scores, labels)


def _logits(
    worker: Worker, task: Any, model: Any, tokenizer: Any, rows: list[Any], labels: list[str]
) -> np.ndarray:
    """Class probabilities, (rows, labels), in the order of the rows."""
    limit = max_length(model, tokenizer)
    texts = [{k: v for k, v in row.items() if k != "label"} for row in rows]
    columns = task.tokenize(tokenizer, texts, labels, limit)
    collator = task.collator(tokenizer)
    device = _device()
    model = model.to(device).eval()

    def forward(indices: list[int]) -> torch.Tensor:
        batch = collator([{key: values[i] for key, values in columns.items()} for i in indices])
        return model(**{k: v.to(device) for k, v in batch.items()}).logits.softmax(-1)

    lengths = [len(ids) for ids in columns["input_ids"]]
    return _in_batches(worker, forward, lengths)


def _zero_shot(
    worker: Worker, path: Path, tokenizer: Any, rows: list[Any], labels: list[str]
) -> np.ndarray:
    """What a base encoder knows without training: how near a text lies to each label's name.

    Both are mean-pooled embeddings, compared by cosine; the shares are a softmax over them.
    """
    model = load_model(path, "AutoModel").to(_device()).eval()
    limit = max_length(model, tokenizer)

    def embed(texts: list[str]) -> np.ndarray:
        encoded = tokenizer(texts, truncation=True, max_length=limit)
        lengths = [len(ids) for ids in encoded["input_ids"]]

        def forward(indices: list[int]) -> torch.Tensor:
            chosen = {key: [values[i] for i in indices] for key, values in encoded.items()}
            batch = tokenizer.pad(chosen, return_tensors="pt").to(_device())
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(pooled, dim=-1)

        return _in_batches(worker, forward, lengths)

    names = embed([label.replace("_", " ").replace("-", " ") for label in labels])
    texts = embed([" ".join(row[k] for k in ("text", "text_pair") if k in row) for row in rows])
    shares = np.exp(20.0 * texts @ names.T)
    result: np.ndarray = shares / shares.sum(-1, keepdims=True)
    return result


def _in_batches(worker: Worker, forward: Any, lengths: list[int]) -> np.ndarray:
    """Apply `forward` to batches of like length; results in the order of the rows."""
    results: list[Any] = [None] * len(lengths)
    batches = by_length(lengths, _BATCH)
    with torch.inference_mode():
        for number, indices in enumerate(batches, 1):
            worker.check_canceled()
            for index, value in zip(indices, forward(indices).float().cpu().numpy(), strict=True):
                results[index] = value
            if number % 5 == 0 or number == len(batches):
                share = number / len(batches)
                worker.journal.write(
                    "progress", step=number, total=len(batches), epoch=share, epochs=1
                )
    stacked: np.ndarray = np.stack(results)
    return stacked


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _report(worker: Worker, rows: list[Any], scores: np.ndarray, labels: list[str]) -> None:
    ids = {label: i for i, label in enumerate(labels)}
    predicted = scores.argmax(-1)
    references = np.array([ids[row["label"]] for row in rows])
    values = metrics.classification(predicted, references)
    true_scores = scores[np.arange(len(rows)), references]
    values["loss"] = float(-np.log(np.clip(true_scores, 1e-12, 1.0)).mean())
    worker.journal.metrics(0, None, "test", values)
    worker.say(" ".join(f"{name} {value:.4f}" for name, value in values.items()))

    worker.journal.state("finalizing")
    output = worker.folder.output
    output.mkdir(exist_ok=True)
    table = pa.table(
        {
            **{key: [row[key] for row in rows] for key in rows[0]},
            "prediction": [labels[i] for i in predicted],
            "score": scores.max(-1),
            "right": predicted == references,
        }
    )
    temp = output / ".predictions.part"
    pq.write_table(table, temp)
    temp.replace(output / "predictions.parquet")
    write_json(
        output / "report.json",
        {
            "metrics": values,
            "rows": len(rows),
            "method": worker.spec["method"],
            "labels": labels,
            "confusion_matrix": metrics.confusion(predicted, references, len(labels)),
            "per_label": metrics.per_label(predicted, references, labels),
        },
    )
