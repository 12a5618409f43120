"""Search in the catalogue: words and prefixes in any order, filters, pages. Plain SQL, no sort.

The rows' id is their rank, and FTS5 gives its hits in the order of rowid: the best fifty of a
million are read without looking at the rest.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence

from registry.catalog import facets as facet
from registry.errors import NotFoundError, UsageError
from registry.references import Reference, parse, unknown
from registry.views import CatalogChanges, CatalogEntry, CatalogPage

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
    size: str | None = None,
    gated: bool | None = None,
    imported: bool | None = None,
    sort: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> CatalogPage:
    """A page of the entries that hold every word of `query` (as a prefix) and pass the filters.

    Any text may be typed. Descriptions are left out of lists.

    Args:
        size: A bound such as `<1G` or `>=500M`; what has no known size passes none.
        gated: Only what asks for consent on the hub, or only what does not.
        imported: Only what has been imported here, or only what has not.

    Raises:
        UsageError: there is no such sort, or `size` is no bound.
    """
    order = _order(sort)
    chosen = {"source": source, "task": task, "finetune_task": finetune_task, "license": license}
    if gated:
        chosen["gated"] = "yes"
    terms = [f'"{word}"*' for word in _WORD.findall(query)[:_MOST_WORDS]]
    terms += [f'"{facet.word(kind, value)}"' for kind, value in chosen.items() if value]
    wanted = _Wanted()
    if size:
        low, high = facet.bytes_between(size)
        match, exact = facet.size_match(low, high)
        terms.append(match)
        if not exact:
            wanted.where("size_bytes >= ?", low)
            if high is not None:
                wanted.where("size_bytes < ?", high)
    here = _imported(connection)
    if imported is not None:
        ids = _ids(connection, here)
        within = "id IN" if imported else "id NOT IN"
        wanted.where(f"{within} (SELECT value FROM json_each(?))", json.dumps(ids))
    if gated is False and not terms:
        wanted.where("gated = ?", 0)
    wanted.match = " AND ".join(terms)
    if gated is False and terms:  # few are gated: to leave them out is less work than to join
        wanted.match = f'({wanted.match}) NOT "{facet.word("gated", "yes")}"'
    try:
        total, rows = wanted.find(connection, order, max(offset, 0), max(limit, 0))
    except sqlite3.OperationalError as error:
        if "phrase" not in str(error):
            raise
        rows, total = [], 0  # a letter of a later Unicode than the index's: no word there holds it
    return CatalogPage(
        rows=tuple(_entry(row, here) for row in rows), total=min(total, CAP), capped=total > CAP
    )


def _order(sort: str | None) -> str:
    try:
        return SORTS[sort or "rank"]
    except KeyError:
        raise UsageError(
            f"can't sort by `{sort}`", hint=f"Sort by one of {', '.join(SORTS)}."
        ) from None


class _Wanted:
    """What a search looks for: words of the index, and conditions that only a row can answer."""

    def __init__(self) -> None:
        self.match = ""
        self._conditions: list[str] = []
        self._values: list[object] = []

    def where(self, condition: str, value: object) -> None:
        self._conditions.append(f"c.{condition}")
        self._values.append(value)

    def _from(self) -> tuple[str, list[object]]:
        """The hits in the order of their rank, none of them read before it is asked for."""
        conditions, values = self._conditions, self._values
        if not self.match:
            return f"catalog_model c WHERE {' AND '.join(conditions) or '1'}", [*values]
        return (
            "catalog_search s CROSS JOIN catalog_model c ON c.id = s.rowid WHERE "
            + " AND ".join(["s.catalog_search MATCH ?", *conditions]),
            [self.match, *values],
        )

    def find(
        self, connection: sqlite3.Connection, order: str, offset: int, limit: int
    ) -> tuple[int, Sequence[sqlite3.Row]]:
        """How many there are, as far as one more than `CAP`, and a page of them."""
        if not self.match and not self._conditions:
            sql = "SELECT coalesce(max(id), 0) FROM catalog_model"
            (total,) = connection.execute(sql).fetchone()
            if order == "id":  # ranks have no gaps, so a far page needs no counting through
                sql = f"SELECT {_LISTED} FROM catalog_model c WHERE id > ? ORDER BY id LIMIT ?"
                return total, connection.execute(sql, (offset, limit)).fetchall()
            return total, self._sorted(connection, order, total, offset, limit)
        best = self._best(connection)
        total = len(best)
        if order != "id" and total > CAP:
            return total, self._sorted(connection, order, total, offset, limit)
        if order == "id" and offset + limit > CAP < total:
            source, values = self._from()
            rank = "s.rowid" if self.match else "c.id"
            sql = f"SELECT {_LISTED} FROM {source} ORDER BY {rank} LIMIT ? OFFSET ?"
            return total, connection.execute(sql, (*values, limit, offset)).fetchall()
        # All hits are known, or as many as the page needs: one pass over the index for both.
        ids = json.dumps(best[offset : offset + limit] if order == "id" else best)
        page = (limit, 0) if order == "id" else (limit, offset)
        sql = f"SELECT {_LISTED} FROM catalog_model WHERE id IN (SELECT value FROM json_each(?))"
        return total, connection.execute(
            f"{sql} ORDER BY {order} LIMIT ? OFFSET ?", (ids, *page)
        ).fetchall()

    def _best(self, connection: sqlite3.Connection) -> list[int]:
        """The ranks of the hits, the best first, one more than `CAP` at most."""
        if self.match and not self._conditions:
            sql = "SELECT rowid FROM catalog_search WHERE catalog_search MATCH ?"
            values: list[object] = [self.match]
            rank = "rowid"
        else:
            source, values = self._from()
            sql, rank = f"SELECT c.id FROM {source}", "s.rowid" if self.match else "c.id"
        rows = connection.execute(f"{sql} ORDER BY {rank} LIMIT {CAP + 1}", values)
        return [row[0] for row in rows]

    def _sorted(
        self, connection: sqlite3.Connection, order: str, total: int, offset: int, limit: int
    ) -> Sequence[sqlite3.Row]:
        source, values = self._from()
        if self.match and total > CAP and self._walk_is_cheaper(connection, offset + limit):
            conditions = [
                "EXISTS (SELECT 1 FROM catalog_search s WHERE s.catalog_search MATCH ? "
                "AND s.rowid = c.id)",
                *self._conditions,
            ]
            source = f"catalog_model c WHERE {' AND '.join(conditions)}"
        sql = f"SELECT {_LISTED} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"
        return connection.execute(sql, (*values, limit, offset)).fetchall()

    def _walk_is_cheaper(self, connection: sqlite3.Connection, needed: int) -> bool:
        """Whether to go along the order and ask of each row if it is a hit, not to sort all hits.

        The rank of the last hit that was counted tells how dense the hits are. Asking costs some
        thirty times what sorting one hit does.
        """
        (last,) = connection.execute(
            "SELECT rowid FROM catalog_search WHERE catalog_search MATCH ? "
            f"ORDER BY rowid LIMIT 1 OFFSET {CAP}",
            (self.match,),
        ).fetchone()
        (models,) = connection.execute("SELECT max(id) FROM catalog_model").fetchone()
        density = CAP / last
        return bool(30 * needed / density < density * models)


def _ids(connection: sqlite3.Connection, imported: Iterable[str]) -> list[int]:
    """The ranks of the entries that these references name."""
    found = []
    for reference in imported:
        source, _, name = reference.partition(":")
        found += connection.execute(
            "SELECT id FROM catalog_model WHERE name = ? AND source = ?", (name, source)
        ).fetchall()
    return sorted(row[0] for row in found)


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
    match = " OR ".join(f'"{b}"*' for b in sorted(beginnings))
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
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in facet.KINDS}
    for kind, value, models in connection.execute(
        "SELECT kind, value, models FROM catalog_facet ORDER BY models DESC, value"
    ):
        found[kind].append((value, models))
    sizes = dict(found["size"])
    found["size"] = [(bound, sizes.get(bound.lower(), 0)) for bound in facet.SIZES]
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
