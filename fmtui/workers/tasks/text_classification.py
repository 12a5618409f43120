"""Text classification: one label a text, or any number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorWithPadding

from fmtui.serving.score import LIKELY
from fmtui.workers.first_token import read_first
from fmtui.workers.forward import Tick, in_batches
from fmtui.workers.tasks.base import Columns, Labelled, Loaded, Record

_MANY = "multi_label_classification"


@dataclass(frozen=True)
class TextClassification(Labelled):
    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        texts = ["A text", "and one that has some words more than the first"]
        batch = loaded.tokenizer(texts, padding=True, return_tensors="pt").to(loaded.device)
        read_first(loaded.model, batch)
        return loaded

    def options(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        options = super().options(spec)
        if options:
            many = spec.get("multi_label")
            options["problem_type"] = _MANY if many else "single_label_classification"
        return options

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        columns = self._inputs(loaded, records)
        ids = {label: i for i, label in enumerate(loaded.labels)}
        if _is_many(loaded):
            columns["labels"] = [
                [float(label in record["label"]) for label in loaded.labels] for record in records
            ]
        else:
            columns["labels"] = [ids[record["label"]] for record in records]
        return columns

    def collator(self, loaded: Loaded) -> Any:
        return DataCollatorWithPadding(loaded.tokenizer)

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        columns = self._inputs(loaded, records)
        collator, many = self.collator(loaded), _is_many(loaded)

        def forward(indices: list[int]) -> Any:
            logits = loaded.model(**loaded.collate(collator, columns, indices)).logits.float()
            return (logits.sigmoid() if many else logits.softmax(-1)).cpu().numpy()

        lengths = self.lengths(columns)
        scores = np.stack(in_batches(lengths, forward, tick=tick))
        found = answers(scores, records, loaded.labels, many=many)
        return found | {"length": lengths}

    def _inputs(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        texts = [record["text"] for record in records]
        pairs = [r["text_pair"] for r in records] if "text_pair" in records[0] else None
        return dict(loaded.tokenizer(texts, pairs, truncation=True, max_length=loaded.limit))


def _is_many(loaded: Loaded) -> bool:
    return bool(loaded.model.config.problem_type == _MANY)


def answers(
    scores: np.ndarray, records: Sequence[Record], labels: Sequence[str], *, many: bool = False
) -> Columns:
    """What class shares, (rows, labels), say of each record."""
    ids = {label: i for i, label in enumerate(labels)}
    if many:
        truth = np.array([[label in r["label"] for label in labels] for r in records])
        likely = np.clip(np.where(truth, scores, 1 - scores), 1e-12, 1.0)
        chosen = scores >= LIKELY
        return {
            "prediction": [[labels[i] for i in row.nonzero()[0].tolist()] for row in chosen],
            "scores": scores.tolist(),
            "loss": (-np.log(likely).mean(-1)).tolist(),
            "right": (chosen == truth).all(-1).tolist(),
        }
    predicted = scores.argmax(-1)
    references = np.array([ids[record["label"]] for record in records])
    true_scores = scores[np.arange(len(records)), references]
    return {
        "prediction": [labels[i] for i in predicted.tolist()],
        "score": scores.max(-1).tolist(),
        "scores": scores.tolist(),
        "loss": (-np.log(np.clip(true_scores, 1e-12, 1.0))).tolist(),
        "right": (predicted == references).tolist(),
    }


PROCEDURE = TextClassification("AutoModelForSequenceClassification")


def zero_shot(
    loaded: Loaded, records: Sequence[Record], labels: Sequence[str], tick: Tick | None = None
) -> Columns:
    """What a base encoder knows without training: how near a text lies to each label's name.

    Both are mean-pooled embeddings, compared by cosine; the shares are a softmax over them.
    """
    names = _embedded(loaded, [label.replace("_", " ").replace("-", " ") for label in labels])
    texts = _embedded(
        loaded, [" ".join(r[k] for k in ("text", "text_pair") if k in r) for r in records], tick
    )
    shares = np.exp(20.0 * texts @ names.T)
    return answers(shares / shares.sum(-1, keepdims=True), records, labels)


def _embedded(loaded: Loaded, texts: list[str], tick: Tick | None = None) -> np.ndarray:
    """The mean of each text's last hidden states, of length one: (texts, hidden)."""
    columns = dict(loaded.tokenizer(texts, truncation=True, max_length=loaded.limit))
    collator = DataCollatorWithPadding(loaded.tokenizer)
    whole = loaded.model.config.is_encoder_decoder
    encoder = loaded.model.get_encoder() if whole else loaded.model

    def forward(indices: list[int]) -> Any:
        batch = loaded.collate(collator, columns, indices)
        hidden = encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()

    lengths = [len(ids) for ids in columns["input_ids"]]
    vectors: np.ndarray = np.stack(in_batches(lengths, forward, tick=tick))
    return vectors
