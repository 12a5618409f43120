"""Parquet files, also those that pandas and `datasets` write."""

from __future__ import annotations

import json

from fmtui.data.readers.arrow import first_line, of_arrow
from fmtui.data.readers.file import DataFile
from fmtui.data.table import Table
from fmtui.errors import BadInputError


def read(file: DataFile) -> Table:
    """A parquet file; the index that pandas adds is no column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pa.BufferReader(file.content()) if file.packed else str(file.path)
    try:
        with pq.ParquetFile(source) as opened:
            table = opened.read()
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(
            f"can't be read as parquet: {first_line(error)}",
            file=file.name,
            hint="It is cut short, or no parquet file.",
        ) from error
    kept = [name for name in table.column_names if not name.startswith("__index_level_")]
    features = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    return of_arrow(table.select(kept), features.get("info", {}).get("features") or {}, file.name)
