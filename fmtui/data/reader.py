"""Read a table of examples from what people have: a file in one of many forms, or a folder.

A row counts from 1 at the first row of data (a csv's header is not counted); in jsonl and plain
text a row is a line, in CoNLL a sentence, in SQuAD's json a question. Strict, and exact about
where it fails.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Sequence
from pathlib import Path

from fmtui.data.readers import conll, csv, json, lines, parquet, saved
from fmtui.data.readers.broken import refuse_broken
from fmtui.data.readers.file import DataFile, stem, suffix
from fmtui.data.table import Table, Value
from fmtui.errors import BadInputError

__all__ = [
    "FORMATS",
    "Table",
    "Value",
    "aligned_parts",
    "is_data",
    "parts",
    "read_aligned",
    "read_table",
    "stem",
]


def _text(file: DataFile) -> Table:
    return conll.read(file) if conll.looks_so(file) else lines.read(file)


def _tabs(file: DataFile) -> Table:
    return conll.read(file) if conll.looks_so(file) else csv.read(file)


_READERS: dict[str, Callable[[DataFile], Table]] = {
    ".csv": csv.read,
    ".tsv": _tabs,
    ".jsonl": json.read_lines,
    ".ndjson": json.read_lines,
    ".json": json.read,
    ".parquet": parquet.read,
    ".txt": _text,
    **dict.fromkeys(conll.SUFFIXES, conll.read),
}

FORMATS = tuple(_READERS)
"""Endings of the forms that are known; each may be followed by .gz."""

_ADVICE = {
    ".xlsx": "Save the sheet as csv.",
    ".xls": "Save the sheet as csv.",
    ".zip": "Unpack it first.",
    ".tar": "Unpack it first.",
    ".bz2": "Unpack it, or pack it with gzip.",
    ".zst": "Unpack it, or pack it with gzip.",
    ".xz": "Unpack it, or pack it with gzip.",
    ".arrow": "Name the folder that `datasets.save_to_disk` wrote.",
    ".pkl": "Save the data as parquet or jsonl: a pickle can run code.",
}


def read_table(path: Path, *, name: str | None = None) -> Table:
    """Read examples.

    Args:
        path: A regular file whose name ends in one of `FORMATS`, or that and .gz; a folder that
            `datasets.save_to_disk` wrote; a folder of aligned texts as a dataset keeps them.
        name: What errors call it; the file's name where left out.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It can't be read as what its name says; tells file, row and column.
    """
    name = name or path.name
    if path.is_dir() and (kind := _kind_of(path)):
        return _proved(lines.read_folder(path, name) if kind == "lines" else _folder(path, name))
    file = DataFile(path, name)
    reader = _READERS.get(file.suffix)
    if reader is None:
        raise BadInputError(
            f"`{file.suffix or 'no ending'}` is no known form of data",
            file=name,
            hint=_ADVICE.get(file.suffix, f"Known: {', '.join(FORMATS)}, and .gz of them."),
        )
    try:
        table = _proved(reader(file))
        if file.suspect:
            refuse_broken(table)
    except BadInputError:
        file.prove()
        raise
    return table


def read_aligned(paths: Sequence[Path], *, name: str | None = None) -> Table:
    """Text files whose lines belong together, as columns named after what tells them apart.

    Raises BadInputError where they differ in length, or make the same column.
    """
    files = {column: DataFile(path, path.name) for column, path in lines.columns_of(paths).items()}
    for file in files.values():
        if file.suffix in _READERS and file.suffix != ".txt":
            raise BadInputError(
                "is no plain text",
                file=file.name,
                hint="Several files are read as aligned lines; add others one by one.",
            )
    table = _proved(lines.read_aligned(files, name or " + ".join(f.name for f in files.values())))
    if any(file.suspect for file in files.values()):
        refuse_broken(table)
    return table


def is_data(path: Path) -> bool:
    """Whether a name looks like that of a file of data."""
    return suffix(path) in _READERS


def parts(path: Path) -> dict[str, Path]:
    """The files that make up what `read_table` reads, by their names below the folder of `path`."""
    if not path.is_dir():
        return {path.name: path}
    if _kind_of(path) == "lines":
        names = [file.name for file in path.iterdir()]
    else:
        names = saved.files_of(path)
    return {f"{path.name}/{name}": path / name for name in names}


def aligned_parts(paths: Sequence[Path]) -> dict[str, Path | bytes]:
    """Aligned files as a folder that `read_table` reads, with a manifest of its columns."""
    columns = lines.columns_of(paths)
    manifest = jsonlib.dumps({column: path.name for column, path in columns.items()})
    files: dict[str, Path | bytes] = {f"lines/{lines.MANIFEST}": manifest.encode()}
    return files | {f"lines/{path.name}": path for path in columns.values()}


def _kind_of(folder: Path) -> str | None:
    if (folder / lines.MANIFEST).is_file():
        return "lines"
    marks = (saved.STATE, saved.DICT)
    return "saved" if any((folder / mark).is_file() for mark in marks) else None


def _folder(path: Path, name: str) -> Table:
    table = saved.read_folder(path, name)
    refuse_broken(table)
    return table


def _proved(table: Table) -> Table:
    if not table.rows:
        raise BadInputError(
            "there are no rows of data", file=table.file, hint="Add at least one row."
        )
    return table
