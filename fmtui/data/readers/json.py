"""JSON: one object a line, or one document with all rows in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from fmtui.data.readers import squad
from fmtui.data.readers.broken import LONE, broken
from fmtui.data.readers.file import DataFile
from fmtui.data.table import Table
from fmtui.errors import BadInputError

_SPACE = " \t\n\r"


def _constant(word: str) -> float | None:
    """pandas writes NaN for what is missing."""
    return None if word == "NaN" else float(word.replace("Infinity", "inf"))


_DECODER = json.JSONDecoder(parse_constant=_constant)


def read_lines(file: DataFile) -> Table:
    """One object a line; a row is the number of its line, and blank lines are no rows."""
    return of_records(file.name, _line_records(file))


def read(file: DataFile) -> Table:
    """A document: a list of objects, `{"data": [...]}`, columns of lists, or SQuAD's tree."""
    text = file.text()
    if not text.strip():
        raise file.empty()
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        if _is_lines(text, error):
            return read_lines(file)
        raise _no_json(file.name, text, error) from error
    if squad.is_squad(document):
        return squad.read(document, file.name)
    return _of_document(document, file.name)


def of_records(name: str, numbered: Iterable[tuple[int, Any]]) -> Table:
    """Objects with their numbers as rows; a key that some lack is None there."""
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    columns: dict[str, None] = {}
    for number, record in numbered:
        if not isinstance(record, dict):
            raise BadInputError(
                "is no JSON object",
                file=name,
                row=number,
                hint='A row is an object of columns, such as {"text": "...", "label": "..."}.',
            )
        if not columns.keys() >= record.keys():
            columns.update(dict.fromkeys(record))
        records.append(record)
        numbers.append(number)
    rows = [tuple([record.get(column) for column in columns]) for record in records]
    return Table(name, tuple(columns), rows, numbers)


def _line_records(file: DataFile) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file.lines(), 1):
        line = line.strip(_SPACE)
        if not line:
            continue
        if not line.isascii() and (match := LONE.search(line)):
            raise broken(file.name, number, None, match[0])
        try:
            yield number, _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise BadInputError(
                f"is no valid JSON: {_detail(error)}",
                file=file.name,
                row=number,
                hint="Write one whole object on each line.",
            ) from error


def _detail(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.colno:,}"
    deep = isinstance(error, RecursionError)
    return "it is nested too deep" if deep else "a number has too many digits"


def _is_lines(text: str, error: Exception) -> bool:
    """Whether a document that does not parse is one object a line, as pandas also writes .json."""
    if not isinstance(error, json.JSONDecodeError) or error.msg != "Extra data":
        return False
    first = text.lstrip(_SPACE).split("\n", 1)[0]
    try:
        return isinstance(_DECODER.decode(first.strip(_SPACE)), dict)
    except (ValueError, RecursionError):
        return False


def _no_json(name: str, text: str, error: Exception) -> BadInputError:
    """Where a document breaks: its line, and the row if it is a list of them."""
    if not isinstance(error, json.JSONDecodeError):
        return BadInputError(f"is no valid JSON: {_detail(error)}", file=name)
    if text.startswith("[") or text.lstrip(_SPACE).startswith("["):
        row: int | None = _whole_before(text) + 1
    else:
        row = None
    return BadInputError(
        f"is no valid JSON: {error.msg} (line {error.lineno:,}, character {error.colno:,})",
        file=name,
        row=row,
        hint="Was the file written whole?",
    )


def _whole_before(text: str) -> int:
    """How many values of a list can be read before it breaks."""
    at, count = text.index("[") + 1, 0
    while True:
        try:
            _, at = _DECODER.raw_decode(text, _skip(text, at, _SPACE))
        except (ValueError, RecursionError):
            return count
        at = _skip(text, at, _SPACE)
        if text[at : at + 1] != ",":
            return count
        count, at = count + 1, at + 1


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _of_document(document: Any, name: str) -> Table:
    if isinstance(document, list):
        return of_records(name, enumerate(document, 1))
    if not isinstance(document, dict) or not document:
        raise BadInputError(
            "holds no rows", file=name, hint="Write a list of objects, or one object a line."
        )
    if _is_split_frame(document):
        columns, rows = document["columns"], document["data"]
        return _of_columns(
            dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)), name
        )
    lists = [key for key, value in document.items() if _is_records(value)]
    if len(lists) == 1:
        return of_records(name, enumerate(document[lists[0]], 1))
    if lists:
        raise BadInputError(
            f"holds {len(lists)} lists of rows: {', '.join(lists)}",
            file=name,
            hint="Save each to a file of its own.",
        )
    if all(isinstance(value, dict) for value in document.values()):
        if _is_index(document):
            return of_records(name, enumerate(document.values(), 1))
        return _of_columns({c: list(values.values()) for c, values in document.items()}, name)
    return _of_columns(document, name)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_index(document: dict[str, Any]) -> bool:
    """`{"0": {"text": ..., "label": ...}, ...}`: rows by their numbers, where pandas else writes
    columns of values by the rows' numbers."""
    return all(map(str.isdigit, document)) and not any(
        str.isdigit(key) for row in document.values() for key in row
    )


def _is_split_frame(document: dict[str, Any]) -> bool:
    """`{"columns": [...], "data": [[...], ...]}`, as pandas splits a frame."""
    columns, rows = document.get("columns"), document.get("data")
    return (
        isinstance(columns, list)
        and isinstance(rows, list)
        and bool(rows)
        and all(isinstance(c, str) for c in columns)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )


def _of_columns(document: dict[str, Any], name: str) -> Table:
    """`{"text": [...], "label": [...]}`, each list a column."""
    lengths: dict[str, int] = {}
    for column, values in document.items():
        if not isinstance(values, list):
            raise BadInputError(
                "is no list of values",
                file=name,
                column=column,
                hint="Write a list of objects, or an object with a list a column.",
            )
        lengths[column] = len(values)
    first, count = next(iter(lengths.items()))
    for column, length in lengths.items():
        if length != count:
            raise BadInputError(
                f"has {length:,} values, `{first}` has {count:,}",
                file=name,
                row=min(length, count) + 1,
                column=column,
            )
    rows = list(zip(*document.values(), strict=True))
    return Table(name, tuple(document), rows, list(range(1, count + 1)))
