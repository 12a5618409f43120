"""Comma or tab separated values with a header, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
import re

from fmtui.data.readers.broken import LONE
from fmtui.data.readers.file import LONGEST, DataFile
from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError

_SEP = re.compile(r"sep=([,;|\t])", re.IGNORECASE)

_OTHERS = (";", "\t", "|")
"""What separates the values of a .csv whose header has no comma."""


def read(file: DataFile) -> Table:
    """A .csv or .tsv. A row counts records, not lines, and the header is none."""
    if file.suffix != ".tsv":
        return _rows(file, _delimiter(file), csv.QUOTE_MINIMAL)
    try:
        return _rows(file, "\t", csv.QUOTE_MINIMAL)
    except BadInputError as error:
        try:  # many write tabs without any quoting: then a quote is a character like others
            return _rows(file, "\t", csv.QUOTE_NONE)
        except BadInputError:
            raise error from None


def _delimiter(file: DataFile) -> str:
    header = file.start().split("\n", 1)[0]
    if told := _told(header):
        return told
    return next((d for d in _OTHERS if d in header and "," not in header), ",")


def _rows(file: DataFile, delimiter: str, quoting: int) -> Table:
    csv.field_size_limit(LONGEST)
    reader = csv.reader(file.lines(""), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    columns: tuple[str, ...] = ()
    rows: list[tuple[Value, ...]] = []
    started = 1
    try:
        for record in reader:
            if reader.line_num == 1 and _told(delimiter.join(record)):
                pass
            elif len(record) == len(columns) and columns:
                rows.append(tuple(record))
            elif not columns and any(cell.strip() for cell in record):
                columns = _header(record, file.name)
            elif record and columns:
                raise _wrong_length(file, len(rows) + 1, record, columns, started, delimiter)
            started = reader.line_num + 1
    except csv.Error as error:
        raise _unparsable(file, len(rows) + 1, error, started) from error
    if not columns:
        raise file.empty()
    return Table(file.name, columns, rows, list(range(1, len(rows) + 1)))


def _told(line: str) -> str:
    """The delimiter that a first line `sep=;` tells Excel of; "" where it is a header."""
    match = _SEP.fullmatch(line.strip("\r\n"))
    return match[1] if match else ""


def _header(record: list[str], name: str) -> tuple[str, ...]:
    columns = [cell.strip() for cell in record]
    if not columns[0] and "index" not in columns and any(columns):
        columns[0] = "index"  # pandas writes the rows' numbers first, without a name
    for index, column in enumerate(columns):
        if LONE.search(column):
            raise BadInputError("the header is no valid UTF-8", file=name, hint="Save it as UTF-8.")
        if "\0" in column:
            raise BadInputError("the header holds a NUL byte", file=name, hint="Is it text?")
        if not column:
            raise BadInputError(
                f"column {index + 1} of the header has no name",
                file=name,
                hint="The first line must name every column.",
            )
        if column in columns[:index]:
            raise BadInputError(
                f"the header names `{column}` twice", file=name, hint="Rename one of them."
            )
    return tuple(columns)


def _wrong_length(
    file: DataFile, row: int, record: list[str], columns: tuple[str, ...], line: int, delimiter: str
) -> BadInputError:
    """A row with too few or too many fields; `column` is the first that is absent."""
    has, want = len(record), len(columns)
    return BadInputError(
        f"has {has} field{'s' if has != 1 else ''}, the header has {want}",
        file=file.name,
        row=row,
        column=columns[has] if has < want else None,
        hint=f"See line {line}; quote a field that holds the delimiter `{_shown(delimiter)}` "
        "or a quote.",
    )


def _unparsable(file: DataFile, row: int, error: csv.Error, line: int) -> BadInputError:
    if "field limit" in str(error):
        message, hint = f"a field is longer than {LONGEST // 2**20} MiB", "is it text?"
    else:
        message, hint = f"can't be parsed: {error}", "look for a quote that is not closed"
    return BadInputError(message, file=file.name, row=row, hint=f"From line {line} on: {hint}.")


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter
