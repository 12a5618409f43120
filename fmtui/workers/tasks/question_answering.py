"""Extractive question answering: the span of a context that answers, or that there is none.

A long context is read in windows that overlap by `doc_stride` tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DataCollatorWithPadding

from fmtui.errors import BadInputError
from fmtui.metrics.answers import score as compared
from fmtui.workers.forward import Tick, in_batches
from fmtui.workers.tasks.base import Base, Columns, Loaded, Record, fast, learnt

TASK = "question-answering"
NONE = "version_2_with_negative"
"""SQuAD's word for a model that may say that a context holds no answer."""

_TAUGHT = ("doc_stride", "max_answer_length", NONE, "null_score_diff_threshold")


@dataclass(frozen=True)
class QuestionAnswering(Base):
    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        loaded = super().load(path, spec)
        fast(loaded.tokenizer, "where in the text a token came from")
        loaded.tokenizer.padding_side = "right"
        if spec["kind"] == "finetune":
            learnt(loaded.model, TASK).update({n: loaded.settings[n] for n in self.taught})
        return loaded

    def options(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """A head with a start and an end, whatever the base classified."""
        return {"num_labels": 2} if spec["kind"] == "finetune" else {}

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        """A row a window; one that does not hold the answer points at its first token."""
        windows = _windows(loaded, records)
        starts, ends = [], []
        for place, record in enumerate(windows["overflow_to_sample_mapping"]):
            start, end = _target(windows, place, records[record])
            starts.append(start)
            ends.append(end)
        return _inputs(loaded, windows) | {"start_positions": starts, "end_positions": ends}

    def collator(self, loaded: Loaded) -> Any:
        return DataCollatorWithPadding(loaded.tokenizer)

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        windows = _windows(loaded, records)
        columns, collator = _inputs(loaded, windows), self.collator(loaded)
        lengths = self.lengths(columns)

        def forward(indices: list[int]) -> Any:
            out = loaded.model(**loaded.collate(collator, columns, indices))
            starts, ends = out.start_logits.float().cpu(), out.end_logits.float().cpu()
            # Padding is no place of an answer: how sure a model is must not hang on what else
            # stands in its batch.
            return [(starts[n][: lengths[i]], ends[n][: lengths[i]]) for n, i in enumerate(indices)]

        results = in_batches(lengths, forward, tick=tick)
        found: list[_Answer] = [_Answer() for _ in records]
        for place, record in enumerate(windows["overflow_to_sample_mapping"]):
            starts, ends = results[place]
            found[record].read(loaded, windows, place, records[record], starts, ends)
            found[record].length += lengths[place]
        lead = loaded.settings["null_score_diff_threshold"] if loaded.settings[NONE] else math.inf
        given = [answer.given(lead) for answer in found]
        return {
            "prediction": [text for text, _ in given],
            "score": [score for _, score in given],
            "loss": [answer.loss for answer in found],
            "right": [
                compared(text, record["answers"])[0]
                for (text, _), record in zip(given, records, strict=True)
            ],
            "length": [answer.length for answer in found],
        }


@dataclass
class _Answer:
    """The best span over the windows of one context, by the logits, which windows share; with it
    what the model holds of it: the log probability of its two ends."""

    best: float = -math.inf
    span: str = ""
    likely: float = 0.0
    nothing: float = math.inf
    nothing_likely: float = 0.0
    loss: float | None = None
    length: int = 0

    def read(
        self,
        loaded: Loaded,
        windows: Any,
        place: int,
        record: Record,
        starts: torch.Tensor,
        ends: torch.Tensor,
    ) -> None:
        likely = starts.log_softmax(-1), ends.log_softmax(-1)

        def held(start: int, end: int) -> float:
            return float(likely[0][start] + likely[1][end])

        if inside := _context_tokens(windows, place):
            low, high = inside[0], inside[-1] + 1
            most = loaded.settings["max_answer_length"]
            scores = starts[low:high, None] + ends[None, low:high]
            allowed = torch.ones_like(scores, dtype=torch.bool).triu().tril(most - 1)
            flat = int(scores.masked_fill(~allowed, -math.inf).argmax())
            first, last = low + flat // (high - low), low + flat % (high - low)
            if (score := float(starts[first] + ends[last])) > self.best:
                offsets = windows["offset_mapping"][place]
                self.best, self.likely = score, held(first, last)
                self.span = record["context"][offsets[first][0] : offsets[last][1]]
        if (score := float(starts[0] + ends[0])) < self.nothing:
            self.nothing, self.nothing_likely = score, held(0, 0)
        target = _target(windows, place, record)
        loss = -held(*target) / 2
        if not record["answers"]:
            self.loss = max(loss, self.loss or 0.0)
        elif target[0]:
            self.loss = min(loss, self.loss if self.loss is not None else math.inf)

    def given(self, lead: float) -> tuple[str, float]:
        """The answer, and the probability of its ends; none where that leads by more than so."""
        if self.nothing - self.best > lead:
            return "", math.exp(self.nothing_likely)
        return self.span, math.exp(self.likely)


def _windows(loaded: Loaded, records: Sequence[Record]) -> Any:
    stride = min(loaded.settings["doc_stride"], loaded.limit // 4)
    questions = [record["question"].lstrip() for record in records]
    try:
        return loaded.tokenizer(
            questions,
            [record["context"] for record in records],
            truncation="only_second",
            max_length=loaded.limit,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
    except BaseException as error:  # the tokenizers library panics where nothing is left to cut
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        longest = max(questions, key=len)
        raise BadInputError(
            f"a question leaves no room for its context in {loaded.limit} tokens: "
            f"`{longest[:60]} …`",
            hint="Raise max_seq_length, or leave such questions out.",
        ) from error


def _inputs(loaded: Loaded, windows: Any) -> Columns:
    names = loaded.tokenizer.model_input_names
    return {name: windows[name] for name in names if name in windows}


def _context_tokens(windows: Any, place: int) -> list[int]:
    return [i for i, part in enumerate(windows.sequence_ids(place)) if part == 1]


def _target(windows: Any, place: int, record: Record) -> tuple[int, int]:
    """The first and last token of the answer in a window, 0 and 0 where it is not (all) in it."""
    for start, text in _spans(record):
        end = start + len(text)
        offsets, inside = windows["offset_mapping"][place], _context_tokens(windows, place)
        if not inside or offsets[inside[0]][0] > start or offsets[inside[-1]][1] < end:
            continue
        first = next((i for i in inside if offsets[i][1] > start), None)
        last = next((i for i in reversed(inside) if offsets[i][0] < end), None)
        if first is not None and last is not None and first <= last:
            return first, last
    return 0, 0


def _spans(record: Record) -> Iterator[tuple[int, str]]:
    """The first answer is what is trained on, as SQuAD's own script does."""
    yield from list(zip(record["starts"], record["answers"], strict=True))[:1]


PROCEDURE = QuestionAnswering("AutoModelForQuestionAnswering", longest=384, taught=_TAUGHT)
