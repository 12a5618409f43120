"""Plain text with an example a line: one file makes the column `text`, several that are aligned
make a column each, named after their languages (`src.eng.txt` and `ref.deu.txt`: `eng`, `deu`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmtui.data.readers.file import DataFile
from fmtui.data.table import Table
from fmtui.errors import BadInputError

MANIFEST = "lines.json"
"""In a folder of aligned files: column to file name, in order."""


def read(file: DataFile) -> Table:
    """One file: a row a line that is not blank; its number is the line's."""
    rows: list[tuple[str]] = []
    numbers: list[int] = []
    for number, line in enumerate(file.lines(), 1):
        if line.strip():
            rows.append((line.rstrip("\r\n"),))
            numbers.append(number)
    return Table(file.name, ("text",), list(rows), numbers)


def read_aligned(files: Mapping[str, DataFile], name: str) -> Table:
    """Columns by name, line n of each file making row n. An empty line is an empty cell.

    Raises BadInputError with both counts where the files differ in length.
    """
    columns = {column: _lines(file) for column, file in files.items()}
    (first, lines), *others = columns.items()
    for column, other in others:
        if len(other) != len(lines):
            raise BadInputError(
                f"has {len(other):,} lines, {files[first].name} has {len(lines):,}",
                file=files[column].name,
                row=min(len(other), len(lines)) + 1,
                column=column,
                hint="Line n of each file must be the same sentence.",
            )
    rows = list(zip(*columns.values(), strict=True))
    return Table(name, tuple(columns), list(rows), list(range(1, len(rows) + 1)))


def read_folder(folder: Path, name: str) -> Table:
    """A folder of aligned files that `fmtui data add` wrote, with its manifest."""
    named: dict[str, str] = json.loads((folder / MANIFEST).read_text())
    return read_aligned({c: DataFile(folder / f, f) for c, f in named.items()}, name)


def columns_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Aligned files by the columns that they make.

    A name is what tells the files apart: the last part before `.txt` (`eng` of `src.eng.txt`),
    the ending itself where it is no .txt (`de` of `train.de`), else all of the name.
    """
    names = [path.name.removesuffix(".gz").removesuffix(".txt") for path in paths]
    short = [name.rpartition(".")[2] for name in names]
    chosen = short if len(set(short)) == len(paths) else names
    if len(set(chosen)) < len(paths):
        twice = next(name for name in chosen if chosen.count(name) > 1)
        raise BadInputError(
            f"two files would make the column `{twice}`",
            file=str(paths[chosen.index(twice)]),
            hint="Rename one of them: the columns are named after the files.",
        )
    return dict(zip(chosen, paths, strict=True))


def _lines(file: DataFile) -> list[str]:
    return [line.rstrip("\r\n") for line in file.lines()]
