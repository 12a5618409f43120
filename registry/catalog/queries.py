"""What the catalogue knows beside its lists: one entry, the nearest names, facets, changes."""

from __future__ import annotations

import json
import re
import sqlite3

from registry.catalog import facets as facet
from registry.catalog.views import CatalogChanges, CatalogEntry
from registry.errors import NotFoundError
from registry.references import Reference, parse, unknown

WORD = re.compile(r"[^\W_]+")
"""A word of what is typed, as the search index takes words apart."""


def show(connection: sqlite3.Connection, reference: str) -> CatalogEntry:
    """One entry with its description; a bare name is looked for in every source.

    Raises:
        BadInputError: the text is no reference.
        NotFoundError: the catalogue has no such entry (the hint holds the nearest), or another
            version of it.
    """
    wanted = parse(reference)
    row = find(connection, wanted)
    if row is None:
        raise unknown(
            "model in the catalogue",
            wanted.name,
            _near(connection, wanted),
            hint="`fmtui catalog list` shows what there is.",
        )
    if wanted.source != "local" and wanted.version not in (None, row["version"]):
        raise NotFoundError(
            f"the catalogue has no version {wanted.version} of {row['name']}",
            hint=f"It has {row['source']}:{row['name']}@{row['version']}.",
        )
    return entry(row, imported(connection), row["description"])


def find(connection: sqlite3.Connection, wanted: Reference) -> sqlite3.Row | None:
    """The row that a reference names, its version left aside; the best ranked of several."""
    sql, parameters = "SELECT * FROM catalog_model WHERE name = ?", [wanted.name]
    if wanted.source != "local":
        sql += " AND source = ?"
        parameters.append(wanted.source)
    row: sqlite3.Row | None = connection.execute(
        f"{sql} ORDER BY name <> ? COLLATE BINARY, id LIMIT 1", (*parameters, wanted.name)
    ).fetchone()
    return row


def _near(connection: sqlite3.Connection, wanted: Reference) -> list[str]:
    """Names that share the beginning of a word with the one that was typed, the best first."""
    from pyroaring import BitMap

    from registry.catalog import sets

    begun = {word[:3] for word in WORD.findall(wanted.name)}
    ranks = BitMap.union(
        BitMap(), *(found for word in begun for found in sets.of_words(connection, [word]))
    )
    if wanted.source != "local":
        ranks &= sets.of_facet(connection, "source", wanted.source)
    rows = connection.execute(
        "SELECT name FROM catalog_model WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(ranks[:500])),),
    )
    return [row["name"] for row in rows]


def facets(connection: sqlite3.Connection) -> dict[str, list[tuple[str, int]]]:
    """For each kind of filter its values with their number of models, the most frequent first."""
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in facet.KINDS}
    for kind, value, models in connection.execute(
        "SELECT kind, value, models FROM catalog_facet ORDER BY models DESC, value"
    ):
        found[kind].append((value, models))
    sizes = dict(found["size"])
    found["size"] = [(bound, sizes.get(bound, 0)) for bound in facet.SIZES]
    return found


def changes(connection: sqlite3.Connection) -> list[CatalogChanges]:
    """For each source that was synced, what its last sync changed."""
    names: dict[tuple[str, str], list[str]] = {}
    for source, change, name, version in connection.execute(
        "SELECT source, change, name, version FROM catalog_change ORDER BY rowid"
    ):
        ref = str(Reference(source, name, version or None))
        names.setdefault((source, change), []).append(ref)
    return [
        CatalogChanges(
            source=row["source"],
            synced=row["synced"],
            new=row["new"],
            updated=row["updated"],
            gone=row["gone"],
            total=row["total"],
            names={
                change: tuple(names.get((row["source"], change), ()))
                for change in ("new", "updated", "gone")
            },
        )
        for row in connection.execute("SELECT * FROM catalog_sync ORDER BY source")
    ]


def imported(connection: sqlite3.Connection) -> dict[str, str]:
    """Which catalogue references have been imported, and as what; the newest import counts."""
    rows = connection.execute(
        "SELECT v.origin, m.name || ':' || v.version AS local FROM model_version v "
        "JOIN model m ON m.id = v.model_id WHERE v.parent_id IS NULL ORDER BY v.id"
    )
    return {row["origin"].partition("@")[0]: row["local"] for row in rows}


def entry(
    row: sqlite3.Row, imported: dict[str, str], description: str | None = None
) -> CatalogEntry:
    ref = str(Reference(row["source"], row["name"]))
    return CatalogEntry(
        ref=str(Reference(row["source"], row["name"], row["version"] or None)),
        source=row["source"],
        name=row["name"],
        version=row["version"],
        hub_id=row["hub_id"],
        tasks=tuple(json.loads(row["tasks"] or "[]")),
        finetune_tasks=tuple(json.loads(row["finetune_tasks"] or "[]")),
        license=row["license"],
        parameters=row["parameters"],
        size_bytes=row["size_bytes"],
        downloads=row["downloads"],
        architecture=row["architecture"],
        languages=tuple(json.loads(row["languages"] or "[]")),
        gated=bool(row["gated"]),
        skus=json.loads(row["skus"] or "{}"),
        defaults=json.loads(row["defaults"] or "{}"),
        description=description,
        imported=imported.get(ref),
    )
