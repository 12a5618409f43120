"""What no text holds: bytes that are no UTF-8, halves of characters, NUL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fmtui.data.table import Table
from fmtui.errors import BadInputError

LONE = re.compile("[\ud800-\udfff]")
"""A surrogate without its other half: a byte that is no UTF-8, or a broken escape in JSON."""


def refuse_broken(table: Table) -> None:
    """Raise BadInputError for the first cell with a byte that is no UTF-8, or a NUL."""
    for number, row in zip(table.numbers, table.rows, strict=True):
        for column, value in zip(table.columns, row, strict=True):
            for text in _texts(value):
                if match := LONE.search(text):
                    raise broken(table.file, number, column, match[0])
                if "\0" in text:
                    raise BadInputError(
                        "holds a NUL byte", file=table.file, row=number, column=column
                    )


def broken(file: str, row: int, column: str | None, char: str) -> BadInputError:
    """The error for a character that `LONE` found."""
    byte = ord(char) - 0xDC00
    if 0x80 <= byte <= 0xFF:
        message = f"byte 0x{byte:02x} is no valid UTF-8"
        hint = "Save the file as UTF-8."
    else:
        message = f"\\u{ord(char):04x} is half a character"
        hint = "Write the character itself, or both halves of it."
    return BadInputError(message, file=file, row=row, column=column, hint=hint)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts(part)
