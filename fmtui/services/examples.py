"""The rows of an evaluation, the worst first: which went wrong, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmtui.errors import UsageError
from fmtui.services.confusions import LABELED, NOTHING, cells, is_right
from fmtui.services.predictions import TEXT, TRUTH, Predictions
from registry.references import unknown

SORTS = ("loss", "confidence", "length")
JUDGED = (*LABELED, "question-answering")
"""Tasks whose rows are right or wrong; those of the others are more or less good."""

_SHOWN = 400

_SEARCHED = {
    "text-classification": ("text_pair",),
    "question-answering": ("context",),
    "text-generation": ("messages",),
}
"""Columns in which words are looked for beside those that a list shows."""


@dataclass(frozen=True)
class Query:
    """Which rows, in which order: only wrong ones unless `every`.

    Rows hold each word of `text`, in what was asked, in what is right or in what was answered.
    """

    label: str | None = None
    taken_for: str | None = None
    sort: str = "loss"
    every: bool = False
    text: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether something else leaves rows out than that they are right."""
        return self.label is not None or self.taken_for is not None or bool(self.text.split())


@dataclass(frozen=True)
class Found:
    """Places of rows in the file, in order. `sort` is the order that could be had."""

    positions: Any
    sort: str | None

    @property
    def rows(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Example:
    """A row in words of one line each; `row` is its number in the data, None where unknown."""

    position: int
    row: int | None
    text: str
    truth: str
    prediction: str
    right: bool | None
    loss: float | None
    confidence: float | None
    length: int | None


def find(predictions: Predictions, query: Query) -> Found:
    """The rows that a query asks for, the worst first.

    `loss` and `length` put the greatest first, `confidence` what the model was surest of; rows
    without the value come last. Where the file has no such column the next order is taken.

    Raises:
        UsageError: An order that there is not, or a label asked of a task without any.
        NotFoundError: A label that no row has.
    """
    import numpy as np

    if query.sort not in SORTS:
        raise UsageError(f"no order `{query.sort}`", hint=f"One of: {', '.join(SORTS)}.")
    positions = _holding(predictions, query.text, np.flatnonzero(_chosen(predictions, query)))
    for sort in (query.sort, *SORTS):
        values = _values(predictions, sort)
        if values is not None:
            keys = np.where(np.isfinite(values), -values, np.inf)[positions]
            return Found(positions[np.argsort(keys, kind="stable")], sort)
    return Found(positions, None)


def _values(predictions: Predictions, sort: str) -> Any:
    """A number for each row, NaN where unknown; None where the file has none."""
    import numpy as np

    name = {"loss": "loss", "confidence": "score", "length": "length"}[sort]
    if predictions.has(name):
        return predictions.column(name).astype(float)
    if sort == "loss" and predictions.has("nll", "tokens"):
        tokens = predictions.column("tokens").astype(float)
        return predictions.column("nll").astype(float) / np.where(tokens > 0, tokens, np.nan)
    return None


def _chosen(predictions: Predictions, query: Query) -> Any:
    """Whether each row is asked for: an array of booleans."""
    import numpy as np

    chosen: Any = np.ones(predictions.rows, dtype=bool)
    asked = query.label is not None or query.taken_for is not None
    if asked and predictions.task not in LABELED:
        raise UsageError(f"{predictions.task} has no labels: {predictions.run} can't be asked so")
    if not asked:
        if not query.every and predictions.task in JUDGED:
            chosen &= ~_right(predictions)
        return chosen
    known: set[str] = set()
    for at, found in enumerate(cells(predictions)):
        known |= {word for cell in found for word in cell}
        chosen[at] = any(
            (query.every or not is_right(predictions.task, cell))
            and query.label in (None, cell[0])
            and query.taken_for in (None, cell[1])
            for cell in found
        )
    for label in (query.label, query.taken_for):
        if label is not None and label not in known | set(predictions.labels):
            raise unknown("label", label, sorted(known))
    return chosen


def _holding(predictions: Predictions, text: str, positions: Any) -> Any:
    """Those of some places, in ascending order, whose rows hold each of these words."""
    import numpy as np

    words, task = text.lower().split(), predictions.task
    columns = [c for c in (*_SEARCHED.get(task, ()), TEXT[task], TRUTH[task], "prediction")
               if predictions.has(c)]  # fmt: skip
    if not words or not columns:
        return positions
    asked, found, start = set(positions.tolist()), [], 0
    for batch in predictions.batches(columns):
        rows = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        for at, row in enumerate(rows, start):
            if at in asked:
                held = "\n".join(map(_as_text, row)).lower()
                if all(word in held for word in words):
                    found.append(at)
        start += batch.num_rows
    return np.array(found, dtype=np.int64)


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(v.get("content", v) if isinstance(v, dict) else v) for v in value)
    return "" if value is None else str(value)


def _right(predictions: Predictions) -> Any:
    import numpy as np

    if predictions.has("right"):
        return predictions.column("right").astype(bool)
    if predictions.task in LABELED:
        task = predictions.task
        return np.array([all(is_right(task, cell) for cell in row) for row in cells(predictions)])
    return np.zeros(predictions.rows, dtype=bool)


def page(predictions: Predictions, positions: Sequence[int]) -> list[Example]:
    """Examples for a list, in words of one line."""
    task = predictions.task
    columns = (
        TEXT[task], TRUTH[task], "prediction", "row", "right", "loss", "score", "length",
        "nll", "tokens", "text_pair", "messages",
    )  # fmt: skip
    places = [int(p) for p in positions]
    records = predictions.take(places, columns)
    return [_example(task, at, record) for at, record in zip(places, records, strict=True)]


def _example(task: str, position: int, record: dict[str, Any]) -> Example:
    loss = record.get("loss")
    tokens = record.get("tokens")
    if loss is None and isinstance(tokens, int) and tokens and record.get("nll") is not None:
        loss = record["nll"] / tokens
    text, truth, prediction = in_words(task, record)
    return Example(
        position,
        record.get("row"),
        text[:_SHOWN],
        truth[:_SHOWN],
        prediction[:_SHOWN],
        record.get("right"),
        loss,
        record.get("score"),
        record.get("length"),
    )


def in_words(task: str, record: dict[str, Any]) -> tuple[str, str, str]:
    """The text, the truth and the prediction of a row, each as one text."""
    text, truth, guess = (record.get(n) for n in (TEXT[task], TRUTH[task], "prediction"))
    if not text and record.get("messages"):
        text = _asked(record["messages"])
    if task == "token-classification":
        return (
            " ".join(map(str, text or ())),
            spans_in_words(text, truth),
            spans_in_words(text, guess),
        )
    if task == "question-answering":
        return str(text or ""), _first(truth) or "no answer", guess or "no answer"
    if task == "text-classification":
        pair = record.get("text_pair")
        words = f"{text or ''} ‖ {pair}" if pair else str(text or "")
        return words, _joined(truth), _joined(guess)
    return str(text or ""), _first(truth), "–" if guess is None else str(guess)


def _asked(messages: Sequence[Mapping[str, Any]]) -> str:
    """What was said before a chat's last answer; what else was said lies further back."""
    return str(messages[-2]["content"]) if len(messages) > 1 else ""


def spans_in_words(tokens: Any, tags: Any) -> str:
    """The entities of a row: `PER Ada Lovelace, LOC London`."""
    from fmtui.metrics.spans import entities

    words = [str(token) for token in tokens or ()]
    found = entities([str(tag) for tag in tags or ()])
    return ", ".join(f"{kind} {' '.join(words[a : b + 1])}" for kind, a, b in found) or "nothing"


def _first(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return str(value[0]) if len(value) else ""


def _joined(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return ", ".join(map(str, value)) or NOTHING


def whole(predictions: Predictions, position: int) -> dict[str, Any]:
    """One row with all its columns."""
    return predictions.take([int(position)])[0]


def best_scores(
    labels: Sequence[str], record: dict[str, Any], most: int = 5
) -> list[tuple[str, float]]:
    """The labels that a row scored highest, with their scores; none where they are unknown."""
    scores = record.get("scores")
    if not scores or len(scores) != len(labels):
        return []
    known = [(label, s) for label, s in zip(labels, scores, strict=True) if s is not None]
    return sorted(known, key=lambda pair: -pair[1])[:most]
