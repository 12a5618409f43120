"""The catalogue that every new registry starts with: a table of facts, no sentence.

`python -m registry.catalog DIR` makes `facts.json` from a checkout of the specifications. A line
is a model; lists of instance types are many and the same, so they are kept once and pointed at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from registry.catalog.entries import Entry

FACTS = Path(__file__).with_name("facts.json")
SOURCE = "azureml"
_TUPLES = ("tasks", "finetune_tasks", "languages")


def fill(path: Path, time: str) -> None:
    """Write the catalogue that a new registry starts with to `path`, unless one is there."""
    from registry.catalog.file import readable, syncing
    from registry.catalog.sync import replace

    with syncing(path):
        if not readable(path):
            replace(path, SOURCE, read(), time, alone=True)


def read() -> Iterator[Entry]:
    """The bundled entries, in the order of their rank."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    lists = facts["sku_lists"]
    for line in facts["models"]:
        fields: dict[str, Any] = {
            key: tuple(value) if key in _TUPLES else value for key, value in line.items()
        }
        fields["skus"] = {
            job: {"minimum": minimum, "recommended": lists[which]}
            for job, (minimum, which) in line.get("skus", {}).items()
        }
        yield Entry(**fields)


def dumps(entries: Iterable[Entry]) -> str:
    """The table of facts as text: what `read` reads. Descriptions are left out."""
    lists: dict[str, int] = {}
    lines = []
    for entry in entries:
        line = {
            key: value
            for key in Entry.__dataclass_fields__
            if key not in ("skus", "description") and (value := getattr(entry, key))
        }
        line["skus"] = {
            job: [needs["minimum"], lists.setdefault(json.dumps(needs["recommended"]), len(lists))]
            for job, needs in entry.skus.items()
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    return (
        '{"models": [\n'
        + ",\n".join(lines)
        + '\n],\n"sku_lists": [\n'
        + ",\n".join(lists)
        + "\n]}\n"
    )
