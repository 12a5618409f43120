"""Where an answer differs from the truth: by tokens, by words, and around an answer in its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Kind = Literal["same", "missing", "extra", "changed"]

_MOST_WORDS = 2000


@dataclass(frozen=True)
class Token:
    """A word with its tags."""

    word: str
    tag: str
    predicted: str

    @property
    def right(self) -> bool:
        return self.tag == self.predicted


@dataclass(frozen=True)
class Stretch:
    """Words of both sides that belong together; one side may be empty."""

    kind: Kind
    reference: str
    hypothesis: str


def tokens(record: Mapping[str, Any]) -> list[Token]:
    """The tokens of a record with their true and predicted tags; what is missing is empty."""
    words, tags, guesses = (list(record.get(n) or ()) for n in ("tokens", "tags", "prediction"))
    length = max(len(words), len(tags), len(guesses))
    sides = [side + [""] * (length - len(side)) for side in (words, tags, guesses)]
    return [Token(*map(str, row)) for row in zip(*sides, strict=True)]


def words(reference: str, hypothesis: str) -> list[Stretch]:
    """Two texts as stretches of words that are the same, missing, extra or changed.

    Texts of more than some thousand words are one stretch: an alignment would take too long.
    """
    left, right = reference.split(), hypothesis.split()
    if max(len(left), len(right)) > _MOST_WORDS:
        kind: Kind = "same" if left == right else "changed"
        return [Stretch(kind, " ".join(left), " ".join(right))]
    kinds: dict[str, Kind] = {"equal": "same", "delete": "missing", "insert": "extra"}
    return [
        Stretch(kinds.get(tag, "changed"), " ".join(left[a:b]), " ".join(right[c:d]))
        for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    ]


def excerpt(context: str, answers: Sequence[str], around: int = 160) -> tuple[str, str, str]:
    """What stands before the first answer that is in the context, the answer, and what follows.

    Without any, the beginning of the context alone. Cut at words, with an ellipsis.
    """
    found = next((a for a in answers if a and a in context), "")
    if not found:
        return _cut(context, 2 * around), "", ""
    at = context.index(found)
    before, after = context[:at], context[at + len(found) :]
    return _cut(before[::-1], around)[::-1], found, _cut(after, around)


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    head, space, _ = text[:length].rpartition(" ")
    return (head if space else text[:length]) + "…"
