"""What is shown of a row: the answer beside the truth, marked where they differ.

Colour is never the only carrier: what differs is underlined too.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from textual.content import Content

from fmtui.services import differences, examples
from fmtui.services.predictions import TEXT, TRUTH
from fmtui.services.text import clean, one_line
from screens.widgets.record_list import fit
from screens.widgets.states import MUTED

Parts = list[str | tuple[str, str]]

WRONG = "underline $text-error"
RIGHT = "underline $text-success"
MISSING = "underline $text-warning"
_MOST = 20_000
_SIDES = 76
_SHOWN = ("row", "right", "loss", "score", "scores", "length", "nll")


def example_content(
    task: str, record: Mapping[str, Any], labels: Sequence[str], width: int
) -> Content:
    """All columns of a row: first what the task says of it, then whatever else there is."""
    parts: Parts = [*_figures(record), "\n\n"]
    known = {TEXT[task], TRUTH[task], "prediction", *_SHOWN}
    if task == "token-classification":
        parts += _tagged(record, width)
    elif task == "question-answering":
        parts += _answered(record)
        known |= {"context"}
    elif task == "text-classification":
        parts += _classified(record, labels, width)
        known |= {"text_pair"}
    else:
        parts += _written(task, record, width)
        known |= {"messages"} | ({"tokens"} if isinstance(record.get("tokens"), int) else set())
    rest = [(name, value) for name, value in record.items() if name not in known]
    for name, value in rest:
        parts += ["\n", (f"{one_line(name)}  ", MUTED), _plain(value)]
    return Content.assemble(*parts)


def _figures(record: Mapping[str, Any]) -> Parts:
    """One line: right or wrong, and the row's numbers."""
    right = record.get("right")
    parts: Parts = []
    if right is not None:
        parts.append(("✓ right   ", "$text-success") if right else ("✗ wrong   ", "$text-error"))
    names = (("loss", "loss"), ("score", "confidence"), ("nll", "nll"), ("length", "length"))
    for name, word in names:
        value = record.get(name)
        if isinstance(value, int | float):
            parts += [(f"{word} ", MUTED), f"{value:.4g}   "]
    if isinstance(record.get("tokens"), int):
        parts += [("tokens ", MUTED), f"{record['tokens']}   "]
    return parts


def _classified(record: Mapping[str, Any], labels: Sequence[str], width: int) -> Parts:
    parts = _named("text", record.get("text"))
    if record.get("text_pair"):
        parts += _named("text pair", record["text_pair"])
    _, truth, guess = examples.in_words("text-classification", dict(record))
    same = truth == guess
    parts += [("label       ", MUTED), (f"{one_line(truth)}\n", "" if same else RIGHT)]
    parts += [("prediction  ", MUTED), (f"{one_line(guess)}\n", "" if same else WRONG)]
    best = examples.best_scores(labels, dict(record))
    if best:
        parts.append("\n")
        names = min(max(cell_len(one_line(label)) for label, _ in best), 32)
        room = max(4, min(24, width - names - 9))
        for label, score in best:
            bar = "━" * round(max(0.0, min(score, 1.0)) * room)
            words = one_line(label)
            parts += [f"{fit(words, names)}  {score:.3f}  ", (f"{bar}\n", MUTED)]
    return parts


def _tagged(record: Mapping[str, Any], width: int) -> Parts:
    """The words with their wrong ones marked, both sides' entities, then the wrong tags."""
    found = differences.tokens(record)
    parts: Parts = []
    column = 0
    for token in found:
        word = one_line(token.word)
        if column and column + cell_len(word) + 1 > width:
            parts.append("\n")
            column = 0
        parts += [(word, "" if token.right else WRONG), " "]
        column += cell_len(word) + 1
    parts.append("\n\n")
    words = [token.word for token in found]
    for name, tags in (
        ("truth", [t.tag for t in found]),
        ("prediction", [t.predicted for t in found]),
    ):
        parts += [(f"{name:<12}", MUTED), f"{one_line(examples.spans_in_words(words, tags))}\n"]
    wrong = [(at, token) for at, token in enumerate(found, 1) if not token.right]
    if wrong:
        parts.append((f"\n{'':>5}  {'token':<24}{'tag':<16}predicted\n", MUTED))
    for at, token in wrong[:500]:
        word, tag, guess = (one_line(w) for w in (token.word, token.tag, token.predicted))
        gap = " " * max(1, 16 - cell_len(tag))
        parts += [f"{at:>5}  {fit(word, 23)} ", (tag, RIGHT), gap, (guess, WRONG), "\n"]
    return parts


def _answered(record: Mapping[str, Any]) -> Parts:
    parts = _named("question", record.get("question"))
    answers = [str(answer) for answer in record.get("answers") or ()]
    guess = str(record.get("prediction") or "")
    for at, answer in enumerate(answers or ["no answer"]):
        parts += [("answer      " if not at else "        or  ", MUTED), f"{one_line(answer)}\n"]
    right = bool(record.get("right"))
    parts += [("prediction  ", MUTED)]
    parts += [(f"{one_line(guess) or 'no answer'}\n\n", "" if right else WRONG)]
    context = str(record.get("context") or "")
    for name, wanted, style in (("the answer", answers, RIGHT), ("the prediction", [guess], WRONG)):
        before, inside, after = differences.excerpt(context, wanted)
        if inside:
            parts += [(f"{name} in its context\n", MUTED), one_line(before), _gap(before, end=True)]
            parts += [(one_line(inside), style), _gap(after), f"{one_line(after)}\n\n"]
    parts += _named("context", context)
    return parts


def _gap(words: str, *, end: bool = False) -> str:
    """The white space that folding took at one end of these words."""
    at = words[-1:] if end else words[:1]
    return " " if at.isspace() else ""


def _written(task: str, record: Mapping[str, Any], width: int) -> Parts:
    """What was asked, then reference and hypothesis, side by side where there is room."""
    if record.get("messages"):  # a chat: all that was said before the answer
        said = [_named(str(m["role"]), m["content"]) for m in record["messages"][:-1]]
        parts = [part for message in said for part in message]
    else:
        parts = _named(TEXT[task], record.get(TEXT[task]))
    truth, guess = record.get(TRUTH[task]), record.get("prediction")
    references = [truth] if isinstance(truth, str) else [str(t) for t in truth or ()]
    if guess is None:
        for reference in references:
            parts += _named("reference", reference)
        return [*parts, ("nothing was generated\n", MUTED)]
    for at, reference in enumerate(references[:5]):
        title = "reference" if len(references) < 2 else f"reference {at + 1}"
        left, right = _sides(reference, str(guess))
        if width < _SIDES:
            parts += [(f"{title}\n", MUTED), *left, "\n\n", ("hypothesis\n", MUTED), *right, "\n\n"]
        else:
            parts += _beside((title, left), ("hypothesis", right), (width - 3) // 2)
    return parts


def _sides(reference: str, hypothesis: str) -> tuple[Parts, Parts]:
    """Both texts, with what only one of them has underlined."""
    left: Parts = []
    right: Parts = []
    for stretch in differences.words(clean(reference)[:_MOST], clean(hypothesis)[:_MOST]):
        differs = stretch.kind != "same"
        for side, words, style in (
            (left, stretch.reference, MISSING),
            (right, stretch.hypothesis, WRONG),
        ):
            for word in words.split():
                side += [(word, style if differs else ""), " "]
    return left or [("(empty)", MUTED)], right or [("(empty)", MUTED)]


def _beside(left: tuple[str, Parts], right: tuple[str, Parts], width: int) -> Parts:
    """Two columns of words, each folded to `width` cells."""
    columns = [_folded(parts, width) for _, parts in (left, right)]
    lines: Parts = [(f"{fit(left[0], width)}   {right[0]}\n", MUTED)]
    for at in range(max(map(len, columns))):
        first = columns[0][at] if at < len(columns[0]) else []
        lines += first
        lines.append(" " * (width - sum(cell_len(w) for w, _ in first) + 3))
        lines += columns[1][at] if at < len(columns[1]) else []
        lines.append("\n")
    return [*lines, "\n"]


def _folded(parts: Parts, width: int) -> list[list[tuple[str, str]]]:
    """Words with their styles as lines of at most `width` cells."""
    lines: list[list[tuple[str, str]]] = [[]]
    room = width
    for part in parts:
        words, style = part if isinstance(part, tuple) else (part, "")
        for piece in textwrap.wrap(words, width, break_on_hyphens=False) or [""]:
            length = cell_len(piece)
            if length > room:
                lines.append([])
                room = width
            lines[-1].append((piece, style))
            room -= length
        if words == " " and room > 0:
            lines[-1][-1] = (" ", "")
            room -= 1
    return lines


def _named(name: str, value: Any) -> Parts:
    """A heading and a text below it."""
    words = clean(str(value or ""))
    if len(words) > _MOST:
        words = words[:_MOST] + "…"
    return [(f"{name}\n", MUTED), f"{words or '(empty)'}\n\n"]


def _plain(value: Any) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return clean(words)[:_MOST]
