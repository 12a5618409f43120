"""Token classification: a tag for each word. A long sentence is read in windows, none is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DataCollatorForTokenClassification

from fmtui.workers.forward import Tick, in_batches
from fmtui.workers.loading import load_tokenizer
from fmtui.workers.tasks.base import Columns, Labelled, Loaded, Record, fast

_OUTSIDE = "O"


@dataclass(frozen=True)
class TokenClassification(Labelled):
    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        # A tokenizer that marks spaces (GPT-2's, RoBERTa's) takes words only with one before each.
        if getattr(loaded.tokenizer, "add_prefix_space", None) is False:
            loaded.tokenizer = load_tokenizer(path, add_prefix_space=True)
        fast(loaded.tokenizer, "which word a token came from")
        return loaded

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        """A row a window. A word's first token has its tag, all others count for nothing, or,
        where all are wanted, have the tag that goes on with it."""
        windows = _windows(loaded, records)
        ids = {label: i for i, label in enumerate(loaded.labels)}
        columns: Columns = {"input_ids": [], "attention_mask": [], "labels": []}
        for place, record, words in _first_tokens(windows):
            targets = [-100] * len(windows["input_ids"][place])
            tags = records[record]["tags"]
            if loaded.settings["label_all_tokens"]:
                for token, word in enumerate(windows.word_ids(place)):
                    if word is not None:
                        targets[token] = ids[_going_on(tags[word], ids)]
            for token, word in words:
                targets[token] = ids[tags[word]]
            columns["input_ids"].append(windows["input_ids"][place])
            columns["attention_mask"].append(windows["attention_mask"][place])
            columns["labels"].append(targets)
        return columns

    def collator(self, loaded: Loaded) -> Any:
        return DataCollatorForTokenClassification(loaded.tokenizer)

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        columns = self.features(loaded, records)
        collator = self.collator(loaded)

        def forward(indices: list[int]) -> Any:
            batch = loaded.collate(collator, columns, indices)
            targets = batch.pop("labels")
            logits = loaded.model(**batch).logits.float()
            losses = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), targets, reduction="none"
            )
            return zip(logits.argmax(-1).tolist(), losses.tolist(), strict=True)

        results = in_batches(self.lengths(columns), forward, tick=tick)
        tags = [[_OUTSIDE] * len(record["tokens"]) for record in records]
        losses: list[list[float]] = [[] for _ in records]
        lengths = [0] * len(records)
        for place, record, words in _first_tokens(_windows(loaded, records)):
            best, loss = results[place]
            lengths[record] += len(columns["input_ids"][place])
            for token, word in words:
                tags[record][word] = loaded.labels[best[token]]
                losses[record].append(loss[token])
        return {
            "prediction": tags,
            "loss": [sum(row) / len(row) if row else None for row in losses],
            "right": [made == list(r["tags"]) for made, r in zip(tags, records, strict=True)],
            "length": lengths,
        }


def _going_on(tag: str, known: Mapping[str, int]) -> str:
    """The tag of a word's further tokens: of `B-PER` it is `I-PER`, where there is such a tag."""
    inside = f"I-{tag[2:]}"
    return inside if tag.startswith("B-") and inside in known else tag


def _windows(loaded: Loaded, records: Sequence[Record]) -> Any:
    return loaded.tokenizer(
        [list(record["tokens"]) for record in records],
        is_split_into_words=True,
        truncation=True,
        max_length=loaded.limit,
        return_overflowing_tokens=True,
    )


def _first_tokens(windows: Any) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Each window with its record and the (token, word) pairs of the words that begin in it."""
    records = windows["overflow_to_sample_mapping"]
    last_record, last_word = -1, -1
    for place, record in enumerate(records):
        if record != last_record:
            last_record, last_word = record, -1
        begun = []
        for token, word in enumerate(windows.word_ids(place)):
            if word is not None and word > last_word:
                begun.append((token, word))
                last_word = word
        yield place, record, begun


PROCEDURE = TokenClassification("AutoModelForTokenClassification")
