"""Rows as the bytes of a file, in the forms that readers read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

FORMS = (".csv", ".tsv", ".jsonl", ".parquet")
"""What can be written, by the file's ending."""


def encoded(form: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A file in `form`, one of `FORMS`. Lists and objects are JSON in the cells of csv and tsv,
    and in a column of parquet that holds several kinds."""
    if form == ".parquet":
        return _parquet(names, rows)
    text = io.StringIO()
    if form == ".jsonl":
        for row in rows:
            text.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
    else:
        writer = csv.writer(text, delimiter="\t" if form == ".tsv" else ",", lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _parquet(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = pa.array([None if v is None else _json(v) for v in values])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, (list, dict)) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
