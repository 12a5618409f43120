"""Read a table of examples from a file: csv, tsv, jsonl. Strict, and exact about where it fails.

A row counts from 1 at the first row of data (a csv's header is not counted); in jsonl a row is a
line. Bytes that are no UTF-8 are carried through the parser as lone surrogates, so that they are
reported by row and column rather than by offset.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from fmtui.errors import BadInputError, NotFoundError

FORMATS = (".csv", ".tsv", ".jsonl")

_LONE = re.compile("[\udc80-\udcff]")
_FIELD_LIMIT = 64 * 1024 * 1024

Value = str | int | float | bool | None | list[object] | dict[str, object]


@dataclass(frozen=True)
class Table:
    """Rows as they stand in a file. `numbers[i]` is the row's number in the file."""

    file: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    numbers: list[int]

    def column(self, name: str) -> list[Value]:
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    def take(self, indices: list[int]) -> Table:
        """The rows at `indices`, in that order."""
        return Table(
            self.file,
            self.columns,
            [self.rows[i] for i in indices],
            [self.numbers[i] for i in indices],
        )

    def fingerprint(self) -> str:
        """sha256 over columns and rows: the same data has the same one in every format."""
        digest = hashlib.sha256(json.dumps(self.columns, ensure_ascii=False).encode())
        for row in self.rows:
            digest.update(b"\n" + json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
        return digest.hexdigest()


def read_table(path: Path, *, name: str | None = None) -> Table:
    """Read a file of examples.

    Args:
        path: A regular file that ends in .csv, .tsv or .jsonl.
        name: What errors call it; the file's name where left out.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It can't be read as what its name says; tells file, row and column.
    """
    name = name or path.name
    content = _content(path, name)
    if path.suffix.lower() == ".jsonl":
        table = _jsonl(content, name)
    else:
        table = _csv(content, name, "\t" if path.suffix.lower() == ".tsv" else ",")
    if not table.rows:
        raise BadInputError("there are no rows of data", file=name, hint="Add at least one row.")
    _refuse_broken(table)
    return table


def _content(path: Path, name: str) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}") from None
    except OSError as error:
        raise BadInputError(f"can't be opened: {error.strerror}", file=name) from error
    if stat.S_ISDIR(status.st_mode):
        raise BadInputError("is a folder", file=name, hint="Name one file of data.")
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError("is no regular file", file=name, hint="Save the data to a file first.")
    if path.suffix.lower() not in FORMATS:
        raise BadInputError(
            f"`{path.suffix or 'no ending'}` is no known form of data",
            file=name,
            hint=f"Known: {', '.join(FORMATS)}.",
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=name) from error
    if not raw.strip():
        raise BadInputError("the file is empty", file=name)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInputError("is UTF-16 text", file=name, hint="Save it as UTF-8.")
    if raw[:2] == b"\x1f\x8b":
        raise BadInputError("is compressed (gzip)", file=name, hint="Unpack it first.")
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _csv(content: str, name: str, delimiter: str) -> Table:
    header_line = content.split("\n", 1)[0]
    if delimiter == "," and "," not in header_line and ";" in header_line:
        delimiter = ";"
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[tuple[Value, ...]] = []
    started = 1
    try:
        for record in reader:
            if not record:
                started = reader.line_num + 1
                continue
            if not columns:
                columns = _header(record, name)
            elif len(record) != len(columns):
                raise BadInputError(
                    f"has {len(record)} fields, the header has {len(columns)}",
                    file=name,
                    row=len(rows) + 1,
                    hint=f"See line {started}; quote a field that holds the delimiter or a quote.",
                )
            else:
                rows.append(tuple(record))
            started = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(
            f"can't be parsed: {error}",
            file=name,
            row=len(rows) + 1,
            hint=f"Look for a quote that is not closed from line {started} on.",
        ) from error
    return Table(name, columns, rows, list(range(1, len(rows) + 1)))


def _header(record: list[str], name: str) -> tuple[str, ...]:
    columns = [cell.strip() for cell in record]
    for index, column in enumerate(columns):
        if _LONE.search(column):
            raise BadInputError("the header is no valid UTF-8", file=name, hint="Save it as UTF-8.")
        if not column:
            raise BadInputError(f"column {index + 1} of the header has no name", file=name)
        if column in columns[:index]:
            raise BadInputError(f"the header names `{column}` twice", file=name)
    return tuple(columns)


def _jsonl(content: str, name: str) -> Table:
    records: list[dict[str, Value]] = []
    numbers: list[int] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        if match := _LONE.search(line):
            raise _broken(name, number, None, match[0])
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise BadInputError(f"is no valid JSON: {detail}", file=name, row=number) from error
        if not isinstance(record, dict):
            raise BadInputError(
                "is no JSON object", file=name, row=number, hint="Write one object a line."
            )
        columns.update(dict.fromkeys(record))
        records.append(record)
        numbers.append(number)
    rows = [tuple(record.get(column) for column in columns) for record in records]
    return Table(name, tuple(columns), rows, numbers)


def _refuse_broken(table: Table) -> None:
    for number, row in zip(table.numbers, table.rows, strict=True):
        for column, value in zip(table.columns, row, strict=True):
            if not isinstance(value, str):
                continue
            if match := _LONE.search(value):
                raise _broken(table.file, number, column, match[0])
            if "\0" in value:
                raise BadInputError("holds a NUL byte", file=table.file, row=number, column=column)


def _broken(file: str, row: int, column: str | None, char: str) -> BadInputError:
    return BadInputError(
        f"byte 0x{ord(char) - 0xDC00:02x} is no valid UTF-8",
        file=file,
        row=row,
        column=column,
        hint="Save the file as UTF-8.",
    )
