"""Text generation: plain text, a text after a prompt, or what an assistant says in a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks.base import Examples, Record, Role, Task, Text
from fmtui.tasks.cells import as_value, is_empty, kind_of
from fmtui.tasks.rows import Cells, Faults, read_rows

MESSAGES = Role(
    "messages", ("messages", "conversations", "conversation", "chat", "dialog"), required=False
)
PROMPT = Role(
    "prompt", ("prompt", "instruction", "question", "query", "input"), required=False,
    unless=("messages",),
)  # fmt: skip
INPUT = Role("input", ("input", "context"), required=False, unless=("messages",))
TEXT = Role(
    "text",
    ("completion", "output", "response", "answer", "target", "text", "content", "document"),
    unless=("messages",),
)

_SPEAKERS = {
    "system": "system", "developer": "system", "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant",
    "chatgpt": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool",
}  # fmt: skip

Message = dict[str, str]


class TextGeneration(Task):
    name = "text-generation"
    roles = (MESSAGES, PROMPT, INPUT, TEXT)
    metrics = ("loss", "perplexity")
    label_role = None
    heads = ("ForCausalLM", "LMHeadModel")
    learnt_by = "CAUSAL_LM"

    def guess_columns(self, table: Table) -> dict[str, str]:
        found = super().guess_columns(table)
        if "messages" in found:
            return {"messages": found["messages"]}
        if "prompt" not in found:
            found.pop("input", None)
            if {"text", "ground_truth"} <= set(table.columns):  # as Azure ML's samples write it
                return {"prompt": "text", "text": "ground_truth"}
            if "text" in table.columns:
                found["text"] = "text"
            elif "text" not in found and len(table.columns) == 1:
                found["text"] = table.columns[0]
        return found

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        read = _chat if "messages" in columns else _pair
        records, numbers, errors = read_rows(table, columns, read)
        notes = _notes(table, columns, records, numbers) if "messages" in columns else []
        return Examples(records, numbers, errors, notes, [])

    def texts(self, record: Record) -> dict[str, Text]:
        if "messages" in record:
            return {"messages": "\n".join(m["content"] for m in record["messages"])}
        return {"prompt and text": f"{record['prompt']}\n{record['text']}".lstrip("\n")}

    def input_of(self, record: Record) -> str:
        if "messages" in record:
            return "\n".join(m["content"] for m in record["messages"][:-1])
        return str(record["prompt"] or record["text"])

    def answer_of(self, record: Record) -> str:
        return str(record["text"])


TASK = TextGeneration()


def _pair(cells: Cells, faults: Faults) -> dict[str, Any]:
    """A prompt may be empty in plain text, and the input of an instruction in any row."""
    if "prompt" in cells and _is_chat(cells["prompt"]) and _is_chat(cells["text"]):
        both = {"messages": [*_listed(cells["prompt"]), *_listed(cells["text"])]}
        return _chat(both, faults, role="text")  # type: ignore[arg-type]
    parts = [faults.text("prompt", cells["prompt"])] if "prompt" in cells else []
    if not is_empty(cells.get("input")):
        parts.append(faults.text("input", cells["input"]))
    return {"prompt": "\n\n".join(parts), "text": faults.text("text", cells["text"])}


def _chat(cells: Cells, faults: Faults, role: str = "messages") -> dict[str, Any]:
    """Messages with roles and contents; what comes after the last answer is left out."""
    messages = read_messages(cells["messages"], faults, role)
    if not messages:
        return {}
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    if not messages:
        faults.add(role, "the assistant says nothing: there is nothing to learn")
        return {}
    return {"messages": messages, "prompt": "", "text": messages[-1]["content"]}


def read_messages(value: Value, faults: Faults, role: str = "messages") -> list[Message]:
    """The messages in a cell in the words of chat templates; [] and a fault where it has none."""
    listed = _listed(value)
    if not listed:
        what = "are empty" if is_empty(value) else f"are {kind_of(value)}, not a list of objects"
        faults.add(role, f"the messages {what}")
        return []
    messages: list[Message] = []
    for number, raw in enumerate(listed, 1):
        message = _message(raw, number, role, faults)
        if message is None:
            return []
        messages.append(message)
    return messages


def _message(raw: object, number: int, role: str, faults: Faults) -> Message | None:
    """A message in the words of chat templates: {"role", "content"}; ShareGPT's from and value."""
    if not isinstance(raw, dict):
        faults.add(
            role,
            f"message {number} is {kind_of(raw)}, not an object",  # type: ignore[arg-type]
            kind="a message is no object",
        )
        return None
    speaker, content = raw.get("role", raw.get("from")), raw.get("content", raw.get("value"))
    known = _SPEAKERS.get(str(speaker).lower())
    if known is None:
        said = "has no role" if speaker is None else f"is from `{speaker}`, an unknown role"
        kind = "a message has no role" if speaker is None else "a message is from an unknown role"
        faults.add(role, f"message {number} {said}", kind=kind)
        return None
    if isinstance(content, list):  # parts, as multimodal chats have them
        texts = [p.get("text") for p in content if isinstance(p, dict) and p.get("type") == "text"]
        content = "".join(map(str, texts)) if len(texts) == len(content) else content
    if not isinstance(content, str) or (not content.strip() and known == "assistant"):
        if not content and raw.get("tool_calls"):
            what = "a call of tools alone, which can't be learnt yet"
        else:
            what = "empty" if not content else f"{kind_of(content)}, not a text"
        faults.add(role, f"message {number} is {what}", kind=f"a message is {what}")
        return None
    return {"role": known, "content": content}


def _listed(value: Value) -> list[Any]:
    """The messages in a cell, also where a csv holds them as JSON or as Python prints them."""
    listed = as_value(value)
    return listed if isinstance(listed, list) else []


def _is_chat(value: Value) -> bool:
    listed = _listed(value)
    return bool(listed) and isinstance(listed[0], dict)


def _notes(
    table: Table, columns: Mapping[str, str], records: Sequence[Record], numbers: Sequence[int]
) -> list[Finding]:
    """Many chat templates refuse what does not go to and fro."""
    odd = [n for n, r in zip(numbers, records, strict=True) if not _alternates(r["messages"])]
    late = [
        number
        for number, record in zip(numbers, records, strict=True)
        if any(message["role"] == "system" for message in record["messages"][1:])
    ]
    return [
        Finding(f"{len(rows)} {words}", table.file, rows[0], columns["messages"], kind=kind,
                rows=tuple(rows))
        for rows, words, kind in (
            (odd, "chats where user and assistant don't take turns", "no taking turns"),
            (late, "chats with a system message that is not the first", "a late system message"),
        )
        if rows
    ]  # fmt: skip


def _alternates(messages: Sequence[Message]) -> bool:
    speakers = [m["role"] for m in messages if m["role"] in ("user", "assistant")]
    turns = all(a != b for a, b in pairwise(speakers))
    return (turns or any(m["role"] == "tool" for m in messages)) and speakers[:1] == ["user"]
