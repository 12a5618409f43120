"""Search in the catalogue: words and prefixes in any order, filters, pages. Plain SQL, no sort.

The rows' id is their rank, and FTS5 gives its hits in the order of rowid: the best fifty of a
million are read without looking at the rest.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence

from registry.catalog import facets as facet
from registry.errors import NotFoundError, UsageError
from registry.references import Reference, parse, unknown
from registry.views import CatalogEntry, CatalogPage

CAP = 1000
"""Where counting stops: a total above it is shown as `1000+`."""

SORTS = {
    "rank": "id",
    "name": "name, id",
    "size": "size_bytes ASC NULLS LAST, id",
    "parameters": "parameters ASC NULLS LAST, id",
    "downloads": "id",
}
"""What a list can be sorted by. Size and parameters: the smallest first, unknown last."""

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 16
_LISTED = (
    "id, source, name, version, hub_id, license, tasks, finetune_tasks, parameters, size_bytes, "
    "downloads, architecture, languages, gated, skus, defaults"
)


def search(
    connection: sqlite3.Connection,
    query: str = "",
    *,
    source: str | None = None,
    task: str | None = None,
    finetune_task: str | None = None,
    license: str | None = None,
    sort: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> CatalogPage:
    """A page of the entries that hold every word of `query` (as a prefix) and pass the filters.

    Any text may be typed. Descriptions are left out of lists.

    Raises:
        UsageError: there is no such sort.
    """
    order = _order(sort)
    chosen = {"source": source, "task": task, "finetune_task": finetune_task, "license": license}
    terms = [f'"{word}"*' for word in _WORD.findall(query)[:_MOST_WORDS]]
    terms += [f'"{facet.word(kind, value)}"' for kind, value in chosen.items() if value]
    match = " AND ".join(terms)
    rows = _rows(connection, match, order, max(offset, 0), max(limit, 0))
    total = _count(connection, match)
    imported = _imported(connection)
    return CatalogPage(
        rows=tuple(_entry(row, imported) for row in rows),
        total=min(total, CAP),
        capped=total > CAP,
    )


def _order(sort: str | None) -> str:
    try:
        return SORTS[sort or "rank"]
    except KeyError:
        raise UsageError(
            f"can't sort by `{sort}`", hint=f"Sort by one of {', '.join(SORTS)}."
        ) from None


def _rows(
    connection: sqlite3.Connection, match: str, order: str, offset: int, limit: int
) -> Sequence[sqlite3.Row]:
    if not match:
        if order == "id":  # ranks have no gaps, so a far page needs no counting through
            return connection.execute(
                f"SELECT {_LISTED} FROM catalog_model WHERE id > ? ORDER BY id LIMIT ?",
                (offset, limit),
            ).fetchall()
        sql, parameters = f"SELECT {_LISTED} FROM catalog_model ORDER BY {order}", []
    elif order == "id":
        sql = (
            f"SELECT {_LISTED} FROM catalog_model WHERE id IN (SELECT rowid FROM catalog_search "
            "WHERE catalog_search MATCH ? ORDER BY rowid LIMIT ? OFFSET ?) ORDER BY id"
        )
        return connection.execute(sql, (match, limit, offset)).fetchall()
    else:
        sql = (
            f"SELECT {_LISTED} FROM catalog_model WHERE id IN (SELECT rowid FROM catalog_search "
            f"WHERE catalog_search MATCH ?) ORDER BY {order}"
        )
        parameters = [match]
    return connection.execute(f"{sql} LIMIT ? OFFSET ?", (*parameters, limit, offset)).fetchall()


def _count(connection: sqlite3.Connection, match: str) -> int:
    if match:
        inner = "SELECT rowid FROM catalog_search WHERE catalog_search MATCH ?"
    else:
        inner = "SELECT 1 FROM catalog_model"
    row = connection.execute(
        f"SELECT count(*) FROM ({inner} LIMIT {CAP + 1})", (match,) if match else ()
    ).fetchone()
    return int(row[0])


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
    return _entry(row, _imported(connection), row["description"])


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
    beginnings = {word[:3] for word in _WORD.findall(wanted.name)}
    match = " OR ".join(f'name:"{b}"*' for b in sorted(beginnings))
    if wanted.source != "local":
        match = f'({match}) AND "{facet.word("source", wanted.source)}"'
    rows = connection.execute(
        "SELECT name FROM catalog_model WHERE id IN (SELECT rowid FROM catalog_search "
        "WHERE catalog_search MATCH ? ORDER BY rowid LIMIT 500) ORDER BY id",
        (match,),
    )
    return [row["name"] for row in rows]


def facets(connection: sqlite3.Connection) -> dict[str, list[tuple[str, int]]]:
    """For each kind of filter its values with their number of models, the most frequent first."""
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.catalog_terms "
        "USING fts5vocab(main, catalog_search, row)"
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for kind in facet.KINDS:
        rows = connection.execute(
            "SELECT term, doc FROM temp.catalog_terms WHERE term >= ? AND term < ?",
            facet.bounds(kind),
        )
        values = [(facet.value(row["term"]), int(row["doc"])) for row in rows]
        found[kind] = sorted(values, key=lambda pair: (-pair[1], pair[0]))
    return found


def _imported(connection: sqlite3.Connection) -> dict[str, str]:
    """Which catalogue references have been imported, and as what; the newest import counts."""
    rows = connection.execute(
        "SELECT v.origin, m.name || ':' || v.version AS local FROM model_version v "
        "JOIN model m ON m.id = v.model_id WHERE v.parent_id IS NULL ORDER BY v.id"
    )
    return {row["origin"].partition("@")[0]: row["local"] for row in rows}


def _entry(
    row: sqlite3.Row, imported: dict[str, str], description: str | None = None
) -> CatalogEntry:
    ref = f"{row['source']}:{row['name']}"
    return CatalogEntry(
        ref=f"{ref}@{row['version']}" if row["version"] else ref,
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
