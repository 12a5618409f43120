"""How long inputs and outputs are: in a model's tokens and against its limit, or in words."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fmtui.data.report import Finding, Lengths
from fmtui.errors import BadInputError
from fmtui.tasks.base import Examples, Task, Text

SAMPLE = 20_000
"""Rows whose tokens are counted where there are more."""

_BINS = 12
_NO_LIMIT = 1_000_000
"""Tokenizers without a limit name an absurdly large one."""

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Characters of scripts that put no space between words: each counts as one."""


def measure(
    task: Task, found: Examples, *, model: Path | None = None, limit: int | None = None
) -> list[Lengths]:
    """The lengths of each part of the records.

    Args:
        found: The records; where they are very many and tokens are counted, a sample is looked at.
        model: A model's folder; without it words are counted.
        limit: Counts in place of the model's own limit where it is lower.

    Raises BadInputError where the model has no tokenizer.json.
    """
    records = list(zip(found.records, found.numbers, strict=True))
    if model is not None and len(records) > SAMPLE:
        records = random.Random(0).sample(records, SAMPLE)
    own = limit_of(model) if model is not None else 0
    most = min(limit, own) if limit and own else limit or own
    parts: dict[str, tuple[list[Text], list[int]]] = {}
    for record, number in records:
        for part, text in task.texts(record).items():
            texts, numbers = parts.setdefault(part, ([], []))
            texts.append(text)
            numbers.append(number)
    return [_lengths(task, part, *both, model, most) for part, both in parts.items()]


def find(name: str, lengths: Sequence[Lengths], rows: int) -> list[Finding]:
    """A warning for each part that a model cuts."""
    findings = []
    for part in lengths:
        if not part.over or part.windows:
            continue
        count = round(part.over * rows / part.counted)
        about = "about " if part.counted < rows else ""
        findings.append(
            Finding(
                f"{about}{count:,} of {rows:,} rows are longer than {part.limit:,} {part.unit}s "
                f"({part.part}): {part.cut:.1%} of all {part.unit}s would be cut",
                name, kind=f"longer than the limit of {part.limit:,} {part.unit}s", rows=part.rows,
            )
        )  # fmt: skip
    return findings


def count_tokens(folder: Path, texts: Sequence[Text]) -> list[int]:
    """The tokens of each text, special ones included. Raises BadInputError as `token_ids` does."""
    return [len(ids) for ids in token_ids(folder, texts)]


def token_ids(folder: Path, texts: Sequence[Text]) -> Iterator[list[int]]:
    """The ids of each text's tokens, special ones included.

    The `tokenizers` library alone: transformers would cost seconds to import.

    Raises:
        BadInputError: there is no tokenizer.json, or none that can be read.
    """
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise BadInputError(
            "can't be read" if file.exists() else "is not there",
            file=str(file),
            hint="Tokens are counted with it; leave the model out to count words.",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for start in range(0, len(texts), 1000):
        batch: list[Any] = list(texts[start : start + 1000])
        split = isinstance(batch[0], list)
        encoded = tokenizer.encode_batch_fast(batch, is_pretokenized=split)
        yield from (row.ids for row in encoded)


def limit_of(folder: Path) -> int:
    """Tokens that a model takes at once, by positions and tokenizer; 512 where neither says."""
    config = _read(folder / "config.json")
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions and config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        positions -= 2  # theirs begin after the padding index
    wanted = _read(folder / "tokenizer_config.json").get("model_max_length")
    numbers = [n for n in (positions, wanted) if isinstance(n, int | float)]
    return min((int(n) for n in numbers if 0 < n < _NO_LIMIT), default=512)


def count_words(text: Text) -> int:
    """Words between spaces; characters where a script has no spaces."""
    if isinstance(text, list):
        return len(text)
    joined = text if isinstance(text, str) else " ".join(text)
    words = len(joined.split())
    return words if joined.isascii() else words + len(_UNSPACED.findall(joined))


def _lengths(
    task: Task,
    part: str,
    texts: Sequence[Text],
    numbers: Sequence[int],
    model: Path | None,
    limit: int,
) -> Lengths:
    import numpy as np

    counted = count_tokens(model, texts) if model is not None else [*map(count_words, texts)]
    counts = np.array(counted, dtype=np.int64)
    over = counts > limit if limit else np.zeros(len(counts), bool)
    total = int(counts.sum())
    return Lengths(
        part=part,
        unit="token" if model is not None else "word",
        counted=len(counts),
        median=int(np.median(counts)),
        p95=int(np.percentile(counts, 95)),
        longest=int(counts.max()),
        limit=limit,
        over=int(over.sum()),
        cut=float((counts[over] - limit).sum() / total) if total else 0.0,
        windows=task.windows,
        bins=_bins(counts, int(np.percentile(counts, 99)), limit),
        rows=tuple(sorted(numbers[i] for i in over.nonzero()[0].tolist())),
    )


def _bins(counts: Any, most: int, limit: int) -> tuple[tuple[int, int, int], ...]:
    """A dozen bins of one round width, from the shortest up to where all but a hundredth are; the
    last is open. One of them ends at the limit."""
    width = max(1, -(-most // _BINS))
    step = 10 ** max(len(str(width)) - 1, 0)
    width = next(n * step for n in (1, 2, 4, 5, 8, 10) if n * step >= width)
    longest = int(counts.max())
    ends = list(range(width, most, width))
    ends.append(max(longest, 1))
    if 0 < limit < ends[-1]:
        ends = sorted({*ends, limit})
    starts = [1, *(end + 1 for end in ends[:-1])]
    shortest = int(counts.min())
    return tuple(
        (low, high, int(((counts >= low) & (counts <= high)).sum()))
        for low, high in zip(starts, ends, strict=True)
        if high >= shortest
    )


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
