"""The catalogue of a registry of revision 0001, where it was a table among the others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from registry.catalog.entries import Entry
from registry.catalog.sync import replace

_TUPLES = ("tasks", "finetune_tasks", "languages")
_DICTS = ("skus", "defaults")


def take_over(registry: Path, catalog: Path) -> None:
    """Write what the registry's table holds to the catalogue's own file."""
    with closing(sqlite3.connect(registry)) as connection:
        connection.row_factory = sqlite3.Row
        sources = connection.execute("SELECT source, max(synced) FROM catalog_model GROUP BY 1")
        for source, time in sources.fetchall():
            replace(catalog, source, _entries(connection, source), time)


def _entries(connection: sqlite3.Connection, source: str) -> Iterator[Entry]:
    rows = connection.execute("SELECT * FROM catalog_model WHERE source = ? ORDER BY id", (source,))
    for row in rows:
        fields: dict[str, Any] = {key: row[key] for key in Entry.__dataclass_fields__}
        fields |= {key: tuple(json.loads(fields[key] or "[]")) for key in _TUPLES}
        fields |= {key: json.loads(fields[key] or "{}") for key in _DICTS}
        yield Entry(**fields | {"gated": bool(fields["gated"])})
