"""Cells as tasks read them: texts, labels, and lists however a file writes a list."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from fmtui.data.table import Value

_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d*)?)"""
_ITEMS = re.compile(_ITEM, re.DOTALL)
_PYTHON_LIST = re.compile(rf"\[\s*(?:{_ITEM}(?:\s*,\s*|\s+|(?=\])))*\]", re.DOTALL)

_ARRAY = re.compile(r"array\((\[.*?\])(?:,\s*dtype=\w+)?\)", re.DOTALL)

_KINDS = {bool: "a truth value", int: "a number", float: "a number", str: "a text"}


def kind_of(value: Value) -> str:
    """What a value is, in words."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a JSON object"
    return "a JSON list" if isinstance(value, list) else _KINDS[type(value)]


def is_empty(value: Value) -> bool:
    """None, white space, or a list without anything in it."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == []


def text_fault(what: str, value: Value) -> str | None:
    """Why a value is no text, as a sentence about `what`; None where it is one."""
    if is_empty(value):
        return f"the {what} is empty"
    return None if isinstance(value, str) else f"the {what} is {kind_of(value)}, not a text"


def plain(value: Value) -> str:
    """A label as text: a whole number that was stored as a float loses its `.0`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def usual_kind(values: Iterable[Value]) -> str | None:
    """What most of the values that are not empty are."""
    kinds = Counter(kind_of(value) for value in values if not is_empty(value))
    return kinds.most_common(1)[0][0] if kinds else None


def as_list(value: Value) -> list[object] | None:
    """A list, or a text that writes one: as JSON, as Python, as numpy prints it. Else None."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _python_list(text)
    return found if isinstance(found, list) else None


def _python_list(text: str) -> list[object] | None:
    if not _PYTHON_LIST.fullmatch(text):
        return None
    try:
        return [ast.literal_eval(item) for item in _ITEMS.findall(text)]
    except (ValueError, SyntaxError):
        return None


def as_value(value: Value) -> Value:
    """A list or an object that a text writes, as JSON or as Python prints it, numpy's arrays in it
    as well; any other value as it is. Of use where no text is expected."""
    text = value.strip() if isinstance(value, str) else ""
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return value
    for read in (json.loads, ast.literal_eval):
        for written in (text, _ARRAY.sub(r"\1", text)):
            try:
                found = read(written)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(found, list | dict):
                return found
    return value


def has_lists(values: Sequence[Value]) -> bool:
    """Whether most of the values that are not empty are lists, or texts that write one."""
    present = [value for value in values if value is not None and value != ""][:1000]
    lists = sum(as_list(value) is not None for value in present)
    return bool(present) and lists > len(present) / 2


def looks_like_text(values: Sequence[Value]) -> bool:
    """Whether most values are texts of several words."""
    texts = [v for v in values if isinstance(v, str) and v]
    if len(texts) < len(values) / 2:
        return False
    return sum(" " in text.strip() for text in texts) > len(texts) / 2


def looks_like_labels(values: Sequence[Value], *, rows_a_label: int = 5, longest: int = 80) -> bool:
    """Whether the values are few and short, each on several rows."""
    present = [str(v) for v in values if v not in (None, "") and not isinstance(v, dict | list)]
    distinct = set(present)
    return 2 <= len(distinct) <= len(present) / rows_a_label and max(map(len, distinct)) <= longest
