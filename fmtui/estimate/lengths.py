"""How many tokens the rows of a data set have, as a run will read them; counted on a sample."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.data.checks.lengths import limit_of, token_ids
from fmtui.errors import BadInputError
from fmtui.tasks.base import Record, Task, Text

_SAMPLE = 2000
_USUAL_TARGET = 128
_WINDOW_OVERLAP = 128

LONGEST = {
    "question-answering": 384, "summarization": 1024, "translation": 512, "text-generation": 1024,
}  # fmt: skip
"""Tokens of input where nobody asks for another limit, as the workers' procedures have them."""

_BYTES_A_TOKEN = 4.0
"""Of text in UTF-8, where the tokenizer can't be read here."""

_GROWTH = 0.6
"""How the different words of a text grow with its length: the exponent of Heaps' law, which lies
between 0.4 and 0.6 for English (Manning, Raghavan and Schütze 2008, section 5.1.1)."""

_WRITTEN = frozenset({"summary", "target"})
"""The parts of a record that a model writes rather than reads."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of each row that was looked at, after cutting.

    Args:
        inputs: Of the input; a row that is read in windows counts once a window.
        targets: Of what is to be written, in the same order; empty for tasks that write nothing.
        times: How many rows each of these stands for.
        limit: The longest input that fits.
        cut: The share of rows that are longer.
        counted: Whether the model's own tokenizer counted.
        words: Different tokens in all rows, None where they were not counted.
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    times: float
    limit: int
    cut: float
    counted: bool
    words: int | None = None

    @property
    def tokens(self) -> int:
        """Of all rows, inputs and targets."""
        return round((sum(self.inputs) + sum(self.targets)) * self.times)

    @property
    def rows(self) -> int:
        return round(len(self.inputs) * self.times)


def count(
    task: Task, records: Sequence[Record], folder: Path, settings: Mapping[str, Any]
) -> Lengths:
    """Count the tokens of a task's records.

    Args:
        folder: The model's, with its tokenizer.json; without one bytes are counted.
        settings: Those of the run: how long rows may be, and how they are cut.
    """
    step = len(records) / _SAMPLE
    chosen = random.Random(0).sample(list(records), _SAMPLE) if step > 1 else list(records)
    texts = [task.texts(record) for record in chosen]
    read = [next(t for part, t in parts.items() if part not in _WRITTEN) for parts in texts]
    written = [t for parts in texts for part, t in parts.items() if part in _WRITTEN]
    limit = _limit(folder, settings, task.name)
    inputs, words = _counted(folder, read)
    cut = 0.0 if task.windows else sum(n > limit for n in inputs) / max(len(inputs), 1)
    if task.windows:
        inputs = _windows(inputs, limit, int(settings.get("doc_stride", _WINDOW_OVERLAP)))
    if settings.get("pad_to_max_length"):
        inputs = [limit] * len(inputs)
    if settings.get("packing"):
        inputs = [limit] * max(sum(min(n, limit) for n in inputs) // limit, 1)
    most = int(settings.get("max_target_length", -1))
    most = most if most > 0 else _USUAL_TARGET
    return Lengths(
        tuple(max(min(n, limit), 1) for n in inputs),
        tuple(max(min(n, most), 1) for n in _counted(folder, written)[0]),
        max(step, 1.0),
        limit,
        cut,
        words is not None,
        None if words is None else round(words * max(step, 1.0) ** _GROWTH),
    )


def _counted(folder: Path, texts: Sequence[Text]) -> tuple[list[int], int | None]:
    """The tokens of each text, and how many different ones; None where their bytes were counted."""
    if not texts:
        return [], 0
    counts, words = [], set[int]()
    try:
        for ids in token_ids(folder, texts):
            counts.append(len(ids))
            words.update(ids)
    except BadInputError:
        joined = (text if isinstance(text, str) else " ".join(text) for text in texts)
        return [round(len(text.encode()) / _BYTES_A_TOKEN) + 2 for text in joined], None
    return counts, len(words)


def _windows(inputs: Sequence[int], limit: int, overlap: int) -> list[int]:
    """Lengths of the windows in which inputs too long for one are read."""
    found: list[int] = []
    step = max(limit - overlap, 1)
    for length in inputs:
        more = -(-max(length - limit, 0) // step)
        found += [min(length, limit)] * (1 + more)
    return found


def _limit(folder: Path, settings: Mapping[str, Any], task: str) -> int:
    """Tokens that fit: what is asked for, else what suits the task, within the model's limit."""
    own, wanted = limit_of(folder), int(settings.get("max_seq_length", -1))
    if wanted <= 0:
        wanted = _taught(folder, task) or LONGEST.get(task, own)
    return min(own, wanted)


def _taught(folder: Path, task: str) -> int | None:
    """The length that the model was taught the task with."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        found = config["task_specific_params"][task]["max_seq_length"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) and found > 0 else None
