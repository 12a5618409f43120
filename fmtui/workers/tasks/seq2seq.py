"""What summarization and translation share: a text goes in, another one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import DataCollatorForSeq2Seq, DataCollatorWithPadding

from fmtui.workers.forward import Tick, in_batches
from fmtui.workers.tasks import languages
from fmtui.workers.tasks.base import (
    Base,
    Columns,
    Loaded,
    Record,
    learnt,
    rows_for_logits,
    target_loss,
)


@dataclass(frozen=True)
class Seq2Seq(Base):
    """`source` and `target` are the record's keys. A target may be several references: the first
    is what is learnt."""

    task: str = ""
    source: str = "source"
    target: str = "target"
    asks: tuple[str, str] = ("summarization_lang", "summarization_lang")
    """The settings that say the languages of source and target."""
    written: int = 128
    """Tokens that are written at the most where the person asks for no other limit."""

    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        if spec["kind"] == "finetune":
            if languages.has_many(loaded.tokenizer):
                languages.choose(loaded, self.languages(loaded.settings), self.asks)
            # Saved with the model, so that it writes when served as it did when measured.
            loaded.model.generation_config.max_new_tokens = self._most(loaded)
            loaded.model.generation_config.num_beams = self._beams(loaded)
        return loaded

    def languages(self, settings: Mapping[str, Any]) -> tuple[str, str]:
        """The languages of the source and of the target; empty where nobody said."""
        return settings["summarization_lang"], settings["summarization_lang"]

    def known(self, model: Any, task: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        found = super().known(model, task, settings)
        if prefix := settings["source_prefix"]:
            found["prefix"] = f"{prefix} "
        return found

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        columns = self._inputs(loaded, records)
        encoded = loaded.tokenizer(
            text_target=[self._reference(record) for record in records],
            truncation=True,
            max_length=self._most(loaded),
        )
        return columns | {"labels": encoded["input_ids"]}

    def lengths(self, features: Columns) -> list[int]:
        inputs, targets = features["input_ids"], features["labels"]
        return [len(a) + len(b) for a, b in zip(inputs, targets, strict=True)]

    def collator(self, loaded: Loaded) -> Any:
        return DataCollatorForSeq2Seq(loaded.tokenizer, model=loaded.model)

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        columns = self.features(loaded, records)
        lengths = self.lengths(columns)
        collator = self.collator(loaded)

        def loss(indices: list[int]) -> Any:
            batch = loaded.collate(collator, columns, indices)
            targets = batch.pop("labels")
            sums, counts = target_loss(loaded.model(**batch).logits, targets)
            return [total / max(count, 1) for total, count in zip(sums, counts, strict=True)]

        rows = rows_for_logits(loaded.model, [len(ids) for ids in columns["labels"]])
        losses = in_batches(lengths, loss, batch_size=rows)
        return {
            "prediction": self._written(loaded, columns, tick),
            "loss": losses,
            "length": [len(ids) for ids in columns["input_ids"]],
        }

    def _written(self, loaded: Loaded, columns: Columns, tick: Tick | None) -> list[str]:
        inputs = {name: values for name, values in columns.items() if name != "labels"}
        collator = DataCollatorWithPadding(loaded.tokenizer)
        options = {
            "max_new_tokens": self._most(loaded),
            "num_beams": self._beams(loaded),
            "do_sample": False,
        }

        def forward(indices: list[int]) -> Any:
            batch = loaded.collate(collator, inputs, indices)
            made = loaded.model.generate(**batch, **options)
            return loaded.tokenizer.batch_decode(made, skip_special_tokens=True)

        lengths = [len(ids) for ids in inputs["input_ids"]]
        return [text.strip() for text in in_batches(lengths, forward, batch_size=32, tick=tick)]

    def _inputs(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        prefix = learnt(loaded.model, self.task).get("prefix", "")
        texts = [prefix + record[self.source] for record in records]
        encoded = loaded.tokenizer(texts, truncation=True, max_length=loaded.limit)
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def _reference(self, record: Record) -> str:
        value = record[self.target]
        return str(value if isinstance(value, str) else value[0])

    def _most(self, loaded: Loaded) -> int:
        """Tokens to write: what the run asks for, else what the model was taught with."""
        wanted = int(loaded.settings["max_target_length"])
        known = loaded.model.generation_config.max_new_tokens or self.written
        return min(wanted if wanted > 0 else known, loaded.limit)

    def _beams(self, loaded: Loaded) -> int:
        known = loaded.model.generation_config.num_beams or 1
        return int(loaded.settings["num_beams"] or known)
