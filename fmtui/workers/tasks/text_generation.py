"""Text generation: plain text, an answer to a prompt, or the answers of a chat."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DataCollatorForSeq2Seq, DataCollatorWithPadding

from fmtui.errors import BadInputError
from fmtui.workers.forward import Tick, answering, in_batches
from fmtui.workers.tasks.base import (
    Base,
    Columns,
    Loaded,
    Record,
    learnt,
    rows_for_logits,
    target_loss,
)

CHAT = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML, for a model that has no template of its own; it is saved with what it was taught."""

_AFTER = "\n"
"""Between a prompt and its answer, where the prompt does not end in white space."""

Encoded = tuple[list[int], list[int]]
"""Token ids, and the targets among them: -100 where nothing counts."""


@dataclass(frozen=True)
class TextGeneration(Base):
    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        loaded.tokenizer.padding_side = "right"
        if _looks_ahead(loaded.model):
            raise BadInputError(
                "this model reads each word together with those that follow it, so that it can't "
                "learn to go on with a text",
                hint="Choose a model that writes, as GPT, Llama or Qwen do; BERT does not.",
            )
        if spec["kind"] == "finetune":
            learnt(loaded.model, spec["task"])["after_prompt"] = _AFTER
        if not loaded.tokenizer.chat_template:  # a base is measured on chats as it is taught them
            loaded.tokenizer.chat_template = CHAT
        return loaded

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        """Rows with targets; with `packing` several records share one as long as the limit."""
        rows = [_encoded(loaded, record) for record in records]
        if loaded.settings["packing"]:
            rows = _packed(rows, loaded.limit)
        return _columns(rows)

    def collator(self, loaded: Loaded) -> Any:
        return DataCollatorForSeq2Seq(loaded.tokenizer)

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        columns = _columns([_encoded(loaded, record) for record in records])
        lengths, collator = self.lengths(columns), self.collator(loaded)

        def forward(indices: list[int]) -> Any:
            batch = loaded.collate(collator, columns, indices)
            targets = batch.pop("labels")
            logits = loaded.model(**batch).logits
            return zip(*target_loss(logits[:, :-1], targets[:, 1:]), strict=True)

        rows = rows_for_logits(loaded.model, lengths)
        results = in_batches(lengths, forward, batch_size=rows, tick=tick)
        return {
            "prediction": self._written(loaded, records),
            "nll": [total for total, _ in results],
            "tokens": [count for _, count in results],
            "loss": [total / count if count else None for total, count in results],
            "length": lengths,
        }

    def _written(self, loaded: Loaded, records: Sequence[Record]) -> list[str | None]:
        """What the model writes after each prompt, where that was asked for."""
        most = int(loaded.settings["max_new_tokens"])
        prompts = [_prompt(loaded, record) for record in records]
        asked = [place for place, ids in enumerate(prompts) if ids and most > 0]
        written: list[str | None] = [None] * len(records)
        room = max(loaded.limit - most, 1)
        columns = _columns([(prompts[place][-room:], []) for place in asked])
        columns.pop("labels")

        def forward(indices: list[int]) -> Any:
            loaded.tokenizer.padding_side = "left"
            try:
                batch = loaded.collate(DataCollatorWithPadding(loaded.tokenizer), columns, indices)
            finally:
                loaded.tokenizer.padding_side = "right"
            made = loaded.model.generate(**batch, max_new_tokens=most, do_sample=False)
            width = batch["input_ids"].shape[1]
            return loaded.tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)

        for place, text in zip(asked, in_batches(self.lengths(columns), forward), strict=True):
            written[place] = text.strip()
        return written


def _looks_ahead(model: Any) -> bool:
    """Whether what a model says of a word depends on the words after it: an encoder's would be
    told what it is to guess, and be never perplexed."""
    last = model.config.get_text_config().vocab_size - 1
    ids = torch.tensor([[0, last, 0], [0, last, last]], device=model.device)
    with contextlib.suppress(RuntimeError), answering(model):  # spread weights can't
        one, other = model(input_ids=ids).logits[:, :2].float()
        return not torch.allclose(one, other, rtol=1e-2, atol=1e-2 * float(one.abs().max()))
    return False


def _columns(rows: Sequence[Encoded]) -> Columns:
    return {
        "input_ids": [ids for ids, _ in rows],
        "attention_mask": [[1] * len(ids) for ids, _ in rows],
        "labels": [targets for _, targets in rows],
    }


def _prompt(loaded: Loaded, record: Record) -> list[int]:
    """The tokens before what is to be written; none for plain text."""
    if record.get("messages"):
        return _templated(loaded, record["messages"][:-1], answer=True)
    if record.get("prompt"):
        ids: list[int] = loaded.tokenizer(_spaced(record["prompt"]))["input_ids"]
        # Some tokenizers end each text; a prompt has not ended.
        return ids[:-1] if ids[-1:] == [loaded.tokenizer.eos_token_id] else ids
    return []


def _encoded(loaded: Loaded, record: Record) -> Encoded:
    if record.get("messages"):
        return _cut(*_chat(loaded, record["messages"]), loaded.limit)
    tokenizer = loaded.tokenizer
    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    before = _prompt(loaded, record)
    answer = tokenizer(record["text"], add_special_tokens=not before)["input_ids"]
    answer = answer if answer[-1:] == end else answer + end
    ids = before + answer
    alone = loaded.settings["completion_only_loss"]
    targets = [-100] * len(before) + answer if alone else ids
    return _cut(ids, list(targets), loaded.limit)


def _cut(ids: list[int], targets: list[int], limit: int) -> Encoded:
    """What is too long loses the beginning of its prompt first, then the end of its answer."""
    too_long = len(ids) - limit
    if too_long > 0:
        prompt = next((i for i, target in enumerate(targets) if target != -100), 0)
        front = min(too_long, max(prompt - limit // 2, 0))
        ids, targets = ids[front : front + limit], targets[front : front + limit]
    return ids, targets


def _spaced(prompt: str) -> str:
    return prompt if prompt[-1].isspace() else prompt + _AFTER


def _templated(loaded: Loaded, messages: Sequence[Any], *, answer: bool) -> list[int]:
    ids: list[int] = loaded.tokenizer.apply_chat_template(
        list(messages), tokenize=True, add_generation_prompt=answer, return_dict=False
    )
    return ids


def _chat(loaded: Loaded, messages: Sequence[Mapping[str, Any]]) -> Encoded:
    """All of a chat; the targets are what the assistant said, with the token that ends it.

    Which tokens those are follows from templating one message more at a time, which works for
    every template that only appends.
    """
    ids = _templated(loaded, messages, answer=False)
    if not loaded.settings["completion_only_loss"]:
        return ids, list(ids)
    targets = [-100] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = len(_templated(loaded, messages[:number], answer=True))
        end = len(_templated(loaded, messages[: number + 1], answer=False))
        targets[start:end] = ids[start:end]
    return ids, targets


def _packed(rows: Sequence[Encoded], limit: int) -> list[Encoded]:
    """Rows one after the other, in rows of at most `limit` tokens."""
    packed: list[Encoded] = []
    for ids, targets in rows:
        if packed and len(packed[-1][0]) + len(ids) <= limit:
            packed[-1] = (packed[-1][0] + ids, packed[-1][1] + targets)
        else:
            packed.append((ids, targets))
    return packed


PROCEDURE = TextGeneration("AutoModelForCausalLM", divides_loss=True, longest=1024)
