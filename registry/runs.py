"""Runs in the registry: rows that index the folders."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from registry.database import Database, now
from registry.errors import ConflictError
from registry.labels import set_run_tags
from registry.views import MetricPoint, RunInfo

FROM = """FROM run r
LEFT JOIN model_version v ON v.id = r.output_version_id
LEFT JOIN model m ON m.id = v.model_id"""
SELECT = f"""SELECT r.*, m.name AS output_name, v.version AS output_version,
(SELECT json_group_array(tag) FROM
 (SELECT tag FROM run_tag t WHERE t.run_id = r.id ORDER BY tag)) AS tags
{FROM} """


@dataclass(frozen=True)
class NewRun:
    """What a row is made with; the ids are None where what they name is gone (reindex)."""

    kind: str
    backend: str
    task: str | None
    name: str | None
    model: str
    data: str
    model_version_id: int | None
    dataset_version_id: int | None
    created: str
    state: str = "queued"
    tags: tuple[str, ...] = ()


def info_of(row: sqlite3.Row) -> RunInfo:
    """A row of `SELECT`."""
    output = f"{row['output_name']}:{row['output_version']}" if row["output_name"] else None
    return RunInfo(
        id=row["id"],
        kind=row["kind"],
        backend=row["backend"],
        task=row["task"],
        state=row["state"],
        name=row["name"],
        model=row["model"],
        data=row["data"],
        output=output,
        metrics=json.loads(row["metrics"] or "{}") or {},
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        error=row["error"],
        away=row["away"],
        tags=tuple(json.loads(row["tags"])),
    )


def unsettled(db: Database) -> list[RunInfo]:
    """Runs whose row does not say how they ended, oldest first."""
    rows = db.read().execute(
        SELECT + "WHERE r.state NOT IN ('completed', 'failed', 'canceled') ORDER BY r.id"
    )
    return [info_of(row) for row in rows]


def find(db: Database, number: int) -> RunInfo | None:
    row = db.read().execute(SELECT + "WHERE r.id = ?", (number,)).fetchone()
    return info_of(row) if row else None


def of_model(db: Database, version_id: int) -> list[RunInfo]:
    """The runs that a model version went into or came out of, newest first."""
    rows = db.read().execute(
        SELECT + "WHERE r.model_version_id = ? OR r.output_version_id = ? ORDER BY r.id DESC",
        (version_id, version_id),
    )
    return [info_of(row) for row in rows]


def numbers(db: Database) -> set[int]:
    return {row[0] for row in db.read().execute("SELECT id FROM run")}


def insert(connection: sqlite3.Connection, number: int, new: NewRun) -> None:
    """Write a run's row within the caller's transaction."""
    connection.execute(
        "INSERT INTO run (id, kind, backend, task, state, name, model, data, "
        "model_version_id, dataset_version_id, metrics, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?)",
        (
            number,
            new.kind,
            new.backend,
            new.task,
            new.state,
            new.name,
            new.model,
            new.data,
            new.model_version_id,
            new.dataset_version_id,
            new.created or now(),
        ),
    )
    set_run_tags(connection, number, new.tags)


def set_state(db: Database, number: int, state: str) -> None:
    """Note a run's state where it is not an end."""
    with db.write() as connection:
        connection.execute(
            "UPDATE run SET state = ?, ended = NULL, error = NULL WHERE id = ? AND state != ?",
            (state, number, state),
        )


def settle(
    db: Database,
    number: int,
    *,
    state: str,
    started: str | None,
    ended: str,
    away: float = 0.0,
    error: str | None,
    metrics: dict[str, float],
    points: Iterable[MetricPoint],
    output_version_id: int | None,
) -> None:
    """Write how a run ended, and its metrics; doing it twice changes nothing."""
    with db.write() as connection:
        connection.execute(
            "UPDATE run SET state = ?, started = ?, ended = ?, away = ?, error = ?, metrics = ?, "
            "output_version_id = coalesce(?, output_version_id) WHERE id = ?",
            (state, started, ended, away, error, json.dumps(metrics), output_version_id, number),
        )
        connection.execute("DELETE FROM metric WHERE run_id = ?", (number,))
        insert_points(connection, number, points)


def insert_points(
    connection: sqlite3.Connection,
    number: int,
    points: Iterable[tuple[int, float | None, str, str, float]],
) -> None:
    """Write points (step, epoch, split, name, value) within the caller's transaction."""
    connection.executemany(
        "INSERT INTO metric (run_id, step, epoch, split, name, value) VALUES (?, ?, ?, ?, ?, ?)",
        ((number, *point) for point in points),
    )


def metrics(db: Database, number: int) -> list[MetricPoint]:
    """The points of a settled run, in the order in which they were measured."""
    return _points(db, number, "split != 'system'")


def resources(db: Database, number: int) -> list[MetricPoint]:
    """What a settled run used of the machine, by time."""
    return _points(db, number, "split = 'system'")


def _points(db: Database, number: int, where: str) -> list[MetricPoint]:
    rows = db.read().execute(
        f"SELECT step, epoch, split, name, value FROM metric WHERE run_id = ? AND {where} "
        "ORDER BY id",
        (number,),
    )
    return [MetricPoint(*row) for row in rows]


def remove(db: Database, number: int) -> None:
    """Delete a run's row. Raises ConflictError while a model that it made is registered."""
    with db.write() as connection:
        row: Any = connection.execute(
            "SELECT m.name, v.version FROM run r JOIN model_version v "
            "ON v.id = r.output_version_id JOIN model m ON m.id = v.model_id WHERE r.id = ?",
            (number,),
        ).fetchone()
        if row:
            ref = f"{row['name']}:{row['version']}"
            raise ConflictError(
                f"r{number} made {ref}, which is registered",
                hint=f"Remove the model first: `fmtui model remove {ref}`.",
            )
        connection.execute("DELETE FROM run WHERE id = ?", (number,))
