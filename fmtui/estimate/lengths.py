"""How many tokens the rows of a data set have, counted on a sample, without transformers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fmtui.estimate.shape import Shape

_SAMPLE = 2000
_NO_LIMIT = 1_000_000
"""Tokenizers without a limit name an absurdly large one."""
_USUAL_LIMIT = 512

_USUAL_TARGET = 128

LONGEST = {
    "question-answering": 384, "summarization": 1024, "translation": 512, "text-generation": 1024,
}  # fmt: skip
"""Tokens of input where nobody asks for another limit, as the workers' procedures have them."""

_BYTES_A_TOKEN = 4.0
"""Of text in UTF-8, where the tokenizer can't be read here."""

_TARGETS = frozenset({"summary", "target"})
_NO_TEXT = frozenset({"label", "tags", "answers", "answer_start", "id", "row"})


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of each row that was looked at, after cutting.

    Args:
        inputs: Of the input; a row that is cut into windows counts once a window.
        targets: Of what is to be written, in the same order; empty for tasks that write nothing.
        times: How many rows each of these stands for.
        limit: The longest input that fits.
        cut: The share of rows that are longer.
        counted: Whether the model's own tokenizer counted.
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    times: float
    limit: int
    cut: float
    counted: bool

    @property
    def tokens(self) -> int:
        """Of all rows, inputs and targets."""
        return round((sum(self.inputs) + sum(self.targets)) * self.times)

    @property
    def rows(self) -> int:
        return round(len(self.inputs) * self.times)


def count(
    records: Sequence[Mapping[str, Any]],
    folder: Path,
    shape: Shape,
    settings: Mapping[str, Any],
    task: str,
) -> Lengths:
    """Count the tokens of records, as a task's examples have them.

    Args:
        records: Roles to values; `label`, `tags` and the like hold no text.
        folder: The model's, with its tokenizer.json.
        settings: Those of the run: how long rows may be, and how they are cut.
    """
    step = len(records) / _SAMPLE
    chosen = records
    if step > 1:
        places = sorted(random.Random(0).sample(range(len(records)), _SAMPLE))
        chosen = [records[place] for place in places]
    counter = _counter(folder)
    limit = _limit(folder, shape, settings, task)
    inputs = counter([_text(record, targets=False) for record in chosen])
    writes = any(role in record for record in chosen[:1] for role in _TARGETS)
    targets: list[int] = []
    if writes:
        most = int(settings.get("max_target_length") or -1)
        most = most if most > 0 else _USUAL_TARGET
        targets = [min(n, most) for n in counter([_text(r, targets=True) for r in chosen])]
    cut = sum(n > limit for n in inputs) / max(len(inputs), 1)
    if chosen and "question" in chosen[0] and "context" in chosen[0]:
        questions = counter([str(record["question"]) for record in chosen])
        inputs = _windows(inputs, questions, limit, int(settings.get("doc_stride") or 0))
    if settings.get("pad_to_max_length"):
        inputs = [limit] * len(inputs)
    if settings.get("packing"):
        inputs = [limit] * max(sum(min(n, limit) for n in inputs) // limit, 1)
    return Lengths(
        tuple(max(min(n, limit), 1) for n in inputs),
        tuple(max(n, 1) for n in targets),
        max(step, 1.0),
        limit,
        cut,
        counter is not by_bytes,
    )


def _text(record: Mapping[str, Any], *, targets: bool) -> str:
    """The words of a record that a model reads, or those that it is to write."""
    parts = []
    for role, value in record.items():
        if role in _NO_TEXT or (role in _TARGETS) is not targets:
            continue
        if isinstance(value, list):
            words = value[:1] if targets else value
            parts.append(" ".join(_said(word) for word in words))
        elif value is not None:
            parts.append(str(value))
    return " ".join(parts)


def _said(word: Any) -> str:
    """A word, or what one message of a chat says."""
    return str(word.get("content") or "") if isinstance(word, dict) else str(word)


def _windows(inputs: list[int], questions: list[int], limit: int, stride: int) -> list[int]:
    """Lengths of the windows of contexts too long for one, each with its question before it."""
    found = []
    for length, question in zip(inputs, questions, strict=True):
        if length <= limit:
            found.append(length)
            continue
        room = max(limit - question, 1)
        step = max(room - stride, 1)
        more = -(-(length - limit) // step)
        found += [limit] * (1 + more)
    return found


def _limit(folder: Path, shape: Shape, settings: Mapping[str, Any], task: str) -> int:
    """Tokens that fit: what is wanted, the tokenizer's limit and the model's positions."""
    limits = [shape.positions, _json(folder / "tokenizer_config.json").get("model_max_length")]
    known = [int(n) for n in limits if isinstance(n, int | float) and 0 < n < _NO_LIMIT]
    wanted = int(settings.get("max_seq_length") or -1)
    if wanted <= 0:
        wanted = _longest(folder, task)
    if wanted > 0:
        known.append(wanted)
    return min(known, default=_USUAL_LIMIT)


def _longest(folder: Path, task: str) -> int:
    """What the model was taught the task with, else what suits the task; 0 for no bound."""
    taught = _json(folder / "config.json").get("task_specific_params")
    known = taught.get(task) if isinstance(taught, dict) else None
    found = known.get("max_seq_length") if isinstance(known, dict) else None
    return found if isinstance(found, int) else LONGEST.get(task, 0)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def by_bytes(texts: Sequence[str]) -> list[int]:
    """Tokens of texts by rule of thumb, two special ones with them."""
    return [round(len(text.encode("utf-8", "replace")) / _BYTES_A_TOKEN) + 2 for text in texts]


class _Counter:
    """Counts by the model's own tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def __call__(self, texts: Sequence[str]) -> list[int]:
        safe = [text.encode("utf-8", "replace").decode() for text in texts]
        return [len(encoded.ids) for encoded in self._tokenizer.encode_batch_fast(safe)]


def _counter(folder: Path) -> Any:
    path = folder / "tokenizer.json"
    try:
        return _opened(path, path.stat().st_mtime_ns)
    except Exception:  # none, or one that this version can't read: the library has one class
        return by_bytes


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> _Counter:
    from tokenizers import Tokenizer

    return _Counter(Tokenizer.from_file(str(path)))
