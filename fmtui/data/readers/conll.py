"""CoNLL's columns: a token a line, its tag last, a blank line between sentences.

Columns are separated by tabs where the first token's line has one (a token may then hold spaces),
else by white space. `-DOCSTART-` and comments are left out. A row is a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fmtui.data.readers.file import DataFile
from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError

SUFFIXES = (".conll", ".iob", ".iob2", ".bio", ".bioes")

_DOCUMENT = "-DOCSTART-"
_BLANK = " \t\r\n"
_SPACE = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[BIESLUMW]-\S+")


def looks_so(file: DataFile) -> bool:
    """Whether a text file without a telling name has this form."""
    lines = [line.strip(_BLANK) for line in file.start().split("\n")[:-1]]
    tokens = [_SPACE.split(line) for line in lines if line and not line.startswith(_DOCUMENT)]
    tagged = [
        len(parts) > 1 and _TAG.fullmatch(parts[-1]) is not None
        for parts in tokens[:200]
        if parts[0] != "#" or len(parts) == 2
    ]
    return len(tagged) > 1 and sum(tagged) >= 0.9 * len(tagged)


def read(file: DataFile) -> Table:
    """Sentences with `tokens` and `tags`; columns between them are `column_2`, `column_3` ..., and
    `column_1` is one before the tokens that counts them."""
    width, tabs = 0, False
    sentences: list[list[list[str]]] = [[]]
    starts: list[int] = []
    for number, line in enumerate(file.lines(), 1):
        line = line.rstrip("\r\n")
        if not line.strip(_BLANK):
            if sentences[-1]:
                sentences.append([])
            continue
        if not width:
            tabs = "\t" in line.strip(_BLANK)
        parts = line.split("\t") if tabs else _SPACE.split(line.strip(_BLANK))
        if parts[0].startswith(_DOCUMENT) or _is_comment(parts, line, width):
            continue
        width = width or len(parts)
        if len(parts) != width or width < 2 or not all(part.strip(_BLANK) for part in parts):
            raise _refusal(file.name, number, len(sentences), parts, width)
        if not sentences[-1]:
            starts.append(number)
        sentences[-1].append(parts)
    return _table(file.name, [s for s in sentences if s], width, starts)


def _is_comment(parts: Sequence[str], line: str, width: int) -> bool:
    """A line with `#` in front that is no token: `#tag` with as many columns as others is one."""
    if not line.startswith("#"):
        return False
    if len(parts) != (width or len(parts)) or len(parts) < 2:
        return True
    return line[1:2] in (" ", "#") and _TAG.fullmatch(parts[-1]) is None


def _refusal(name: str, line: int, row: int, parts: Sequence[str], width: int) -> BadInputError:
    has, want = len(parts), max(width, 2)
    if has != width or width < 2:
        before = f"the lines before have {width}" if width >= 2 else "a token and its tag are two"
        return BadInputError(
            f"line {line:,} has {has} column{'s' if has != 1 else ''}, {before}",
            file=name,
            row=row,
            column="tags" if has < want else None,
            hint="Each line is a token and its tag, with a tab or a space between.",
        )
    at = next(i for i, part in enumerate(parts) if not part.strip(_BLANK))
    return BadInputError(
        f"line {line:,} has an empty column", file=name, row=row, column=_columns(width)[at]
    )


def _columns(width: int) -> tuple[str, ...]:
    return ("tokens", *(f"column_{i}" for i in range(2, width)), "tags")


def _counts(column: Value) -> bool:
    """Whether a sentence's first column counts its tokens, from 0 or 1 on, as CoNLL-X does."""
    assert isinstance(column, list)
    first = column[0]
    return first in ("0", "1") and column == [str(int(first) + i) for i in range(len(column))]


def _table(name: str, sentences: list[list[list[str]]], width: int, starts: list[int]) -> Table:
    rows: list[tuple[Value, ...]] = [
        tuple([list(column) for column in zip(*sentence, strict=True)]) for sentence in sentences
    ]
    places = [f"from line {start:,} on" for start in starts]
    columns = list(_columns(max(width, 2)))
    if width > 2 and all(map(_counts, (row[0] for row in rows))):
        columns[:2] = "column_1", "tokens"
    return Table(name, tuple(columns), rows, list(range(1, len(rows) + 1)), places)
