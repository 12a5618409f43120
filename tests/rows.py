"""Rows of every task that a tiny model can learn, made of the messages."""

from __future__ import annotations

from typing import Any

from tests.tiny import messages


def tokens(rows: int, seed: int) -> list[dict[str, Any]]:
    kinds = {"card": "thing", "loan": "thing", "rate": "sum", "euro": "sum"}
    made = []
    for text, _ in messages(rows, seed):
        words = text.split()
        made.append(
            {"tokens": words, "tags": [f"B-{kinds[w]}" if w in kinds else "O" for w in words]}
        )
    return made


def questions(rows: int, seed: int) -> list[dict[str, Any]]:
    made = []
    for text, label in messages(rows, seed):
        if label not in text:
            continue
        made.append(
            {
                "question": f"what is {label}",
                "context": text,
                "answers": {"text": [label], "answer_start": [text.index(label)]},
            }
        )
    return made


def documents(rows: int, seed: int) -> list[dict[str, Any]]:
    """The summary is the kind of message; half of them have two."""
    made = []
    for number, (text, label) in enumerate(messages(rows, seed)):
        summaries = [f"the {label}"] if number % 2 else [f"the {label}", f"a {label} now"]
        made.append({"document": text, "summary": summaries})
    return made


def sentences(rows: int, seed: int) -> list[dict[str, Any]]:
    turned = {
        "card": "the card is lost now please",
        "loan": "i need the loan again today",
        "rate": "what is the rate for euro",
    }
    return [
        {"translation": {"en": text, "pt": turned[label]}} for text, label in messages(rows, seed)
    ]


def plain(rows: int, seed: int) -> list[dict[str, Any]]:
    return [{"text": f"{text} the {label}"} for text, label in messages(rows, seed)]


def prompts(rows: int, seed: int) -> list[dict[str, Any]]:
    return [{"prompt": t, "completion": f"the {label}"} for t, label in messages(rows, seed)]


def chats(rows: int, seed: int) -> list[dict[str, Any]]:
    return [
        {"messages": [
            {"role": "user", "content": text}, {"role": "assistant", "content": f"the {label}"},
        ]}
        for text, label in messages(rows, seed)
    ]  # fmt: skip


ROWS = {
    "token-classification": tokens,
    "question-answering": questions,
    "summarization": documents,
    "translation": sentences,
    "text-generation": plain,
}
