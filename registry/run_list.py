"""The list of runs: filtered, searched, ordered and read by page, all of it in SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import Database
from registry.errors import UsageError
from registry.runs import SELECT, info_of
from registry.views import RunInfo

_SECONDS = "(julianday(coalesce(r.ended, 'now')) - julianday(r.started) - r.away / 86400)"

ORDERS: Mapping[str, str] = {
    "run": "r.id",
    "kind": "r.kind",
    "model": "r.model COLLATE NOCASE",
    "data": "r.data COLLATE NOCASE",
    "state": "r.state",
    "took": _SECONDS,
    "result": "coalesce(json_extract(r.metrics, '$.accuracy'), "
    "(SELECT value FROM json_each(r.metrics) LIMIT 1))",
    "loss": "json_extract(r.metrics, '$.loss')",
    "backend": "r.backend",
    "name": "r.name COLLATE NOCASE",
    "created": "r.created",
    "ended": "r.ended",
}
"""What runs can be ordered by, and the SQL of it."""

_DOWN = frozenset({"run", "took", "result", "created", "ended"})
"""What is most asked for from its greatest value down: newest, longest, best."""

FACETS: Mapping[str, str] = {
    "state": "SELECT state, count(*) FROM run GROUP BY state",
    "kind": "SELECT kind, count(*) FROM run GROUP BY kind",
    "model": "SELECT model, count(*) FROM run GROUP BY model",
    "tag": "SELECT tag, count(*) FROM run_tag GROUP BY tag",
}
"""What runs can be filtered by, and the SQL that counts it."""

_TEXTS = ("r.kind", "r.model", "'on'", "r.data", "r.state", "r.name", "'r' || r.id")
"""What is searched of a run; as a list shows it: `r17 finetune base:1 on mails:1`."""

_LIKE = "LIKE ? ESCAPE '!'"
_HOLDS = (
    f"({' OR '.join(f'{text} {_LIKE}' for text in _TEXTS)} "
    f"OR r.id IN (SELECT run_id FROM run_tag WHERE tag {_LIKE}) "
    "OR r.output_version_id IN (SELECT v.id FROM model_version v JOIN model m ON m.id = v.model_id "
    f"WHERE m.name || ':' || v.version {_LIKE}))"
)
"""Whether a run holds a word. Each text by itself: to put them together for each run takes thrice
as long, and so do looks into other tables."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs: what is None or empty does not matter.

    `name` is a GLOB; a run has all of `tags`, and holds every word of `query` somewhere.
    """

    state: str | None = None
    kind: str | None = None
    model: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    query: str = ""

    def where(self) -> tuple[str, list[Any]]:
        """The clause and its values."""
        tests: list[tuple[str, Any]] = [
            (test, value)
            for test, value in (
                ("r.state = ?", self.state),
                ("r.kind = ?", self.kind),
                ("r.model = ?", self.model),
                ("r.name GLOB ?", self.name),
            )
            if value is not None
        ]
        tests += [("r.id IN (SELECT run_id FROM run_tag WHERE tag = ?)", t) for t in self.tags]
        clauses = [test for test, _ in tests]
        values = [value for _, value in tests]
        for word in self.query.split():
            clauses.append(_HOLDS)
            values += ["%" + re.sub("([!%_])", r"!\1", word) + "%"] * _HOLDS.count("?")
        return f"WHERE {' AND '.join(clauses)} " if clauses else "", values


def goes_down(order: str) -> bool:
    """Whether an order is from the greatest value down unless told otherwise."""
    return order in _DOWN


def run_ids(
    db: Database,
    wanted: Wanted | None = None,
    *,
    order: str = "run",
    down: bool | None = None,
    limit: int = -1,
) -> list[int]:
    """The numbers of runs in an order; those without a value come last, equals newest first.

    `down` None is the direction that is most asked for. Raises UsageError for an order that there
    is not.
    """
    if order not in ORDERS:
        raise UsageError(f"runs can't be ordered by `{order}`", hint=f"One of {', '.join(ORDERS)}.")
    where, values = (wanted or Wanted()).where()
    by = ORDERS[order] + (" DESC" if (goes_down(order) if down is None else down) else "")
    rows = db.read().execute(
        f"SELECT r.id FROM run r {where}ORDER BY {by} NULLS LAST, r.id DESC LIMIT ?",
        (*values, limit),
    )
    return [row[0] for row in rows]


def runs_by_id(db: Database, ids: Sequence[int]) -> list[RunInfo]:
    """Those runs, in that order; one that is gone is left out."""
    rows = db.read().execute(
        f"{SELECT} WHERE r.id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
    )
    known = {row["id"]: row for row in rows}
    return [info_of(known[id]) for id in ids if id in known]


def find_runs(
    db: Database,
    wanted: Wanted | None = None,
    *,
    order: str = "run",
    down: bool | None = None,
    limit: int = -1,
) -> list[RunInfo]:
    """Runs in an order, as `run_ids` gives it."""
    return runs_by_id(db, run_ids(db, wanted, order=order, down=down, limit=limit))


def facets(db: Database) -> dict[str, list[tuple[str, int]]]:
    """By `state`, `kind`, `model` and `tag`: the values, each with its runs, most first."""
    return {
        facet: sorted(
            ((str(value), int(n)) for value, n in db.read().execute(sql) if value is not None),
            key=lambda pair: (-pair[1], pair[0]),
        )
        for facet, sql in FACETS.items()
    }
