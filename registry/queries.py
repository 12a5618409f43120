"""Read queries over what is registered here, in plain SQL: SQLModel is never imported for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from registry.errors import NotFoundError
from registry.references import Reference, parse, unknown
from registry.views import DeploymentInfo, ModelFileInfo, ModelInfo

_MODELS = (
    "SELECT v.*, m.name AS name, r.id AS run, "
    "(SELECT json_group_array(tag) FROM (SELECT tag FROM model_tag t "
    "WHERE t.model_version_id = v.id ORDER BY tag)) AS tags, "
    "pm.name || ':' || p.version AS parent "
    "FROM model_version v JOIN model m ON m.id = v.model_id "
    "LEFT JOIN model_version p ON p.id = v.parent_id "
    "LEFT JOIN model pm ON pm.id = p.model_id "
    "LEFT JOIN run r ON r.output_version_id = v.id "
)


@dataclass(frozen=True, slots=True)
class Lineage:
    """The whole line of a model version.

    `ancestors` are what it was made of, the nearest first. `descendants` are what was made of it
    and of that in turn, each with its depth (1 for a child), before those made of it.
    `deployments` pairs the endpoint's name with each deployment of any of them, or of itself.
    """

    ancestors: tuple[ModelInfo, ...]
    descendants: tuple[tuple[int, ModelInfo], ...]
    deployments: tuple[tuple[str, DeploymentInfo], ...]

    @property
    def children(self) -> tuple[ModelInfo, ...]:
        return tuple(model for depth, model in self.descendants if depth == 1)

    def deployed(self, ref: str) -> list[tuple[str, DeploymentInfo]]:
        """The deployments of one of the line."""
        return [pair for pair in self.deployments if pair[1].model == ref]


def list_models(connection: sqlite3.Connection) -> list[ModelInfo]:
    """Every registered model version: by name, the newest version of each first."""
    rows = connection.execute(_MODELS + "ORDER BY m.name COLLATE NOCASE, m.name, v.version DESC")
    return [_model(row) for row in rows]


def model(connection: sqlite3.Connection, reference: str) -> ModelInfo:
    """The version that a reference names; the latest where it names none.

    `azureml:` and `hf:` references name what was imported from there.

    Raises:
        BadInputError: the text is no reference.
        NotFoundError: nothing of that name is registered; the hint holds the nearest names.
    """
    wanted = parse(reference)
    if wanted.source != "local":
        return _imported(connection, wanted)
    where, parameters = "m.name = ?", [wanted.name]
    if wanted.version:
        where += " AND v.version = ?"
        parameters.append(wanted.version)
    row = connection.execute(
        f"{_MODELS} WHERE {where} ORDER BY v.version DESC LIMIT 1", parameters
    ).fetchone()
    if row is not None:
        return _model(row)
    versions = [
        str(row["version"])
        for row in connection.execute(
            "SELECT v.version FROM model_version v JOIN model m ON m.id = v.model_id "
            "WHERE m.name = ? ORDER BY v.version",
            (wanted.name,),
        )
    ]
    if versions:
        raise NotFoundError(
            f"no version {wanted.version} of the model {wanted.name}",
            hint=f"Registered: {', '.join(f'{wanted.name}:{v}' for v in versions[-5:])}.",
        )
    known = [row["name"] for row in connection.execute("SELECT name FROM model ORDER BY name")]
    raise unknown(
        "model",
        wanted.name,
        known,
        hint="`fmtui model list` shows what is registered, "
        "`fmtui model import` brings in a folder or a model of the hub.",
    )


def _imported(connection: sqlite3.Connection, wanted: Reference) -> ModelInfo:
    exact = f"{wanted.source}:{wanted.name}@{wanted.version}" if wanted.version else ""
    start = f"{wanted.source}:{wanted.name}@"
    row = connection.execute(
        f"{_MODELS} WHERE v.parent_id IS NULL AND (v.origin = ? OR (? = '' AND "
        "substr(v.origin, 1, length(?)) = ?)) ORDER BY v.id DESC LIMIT 1",
        (exact, exact, start, start),
    ).fetchone()
    if row is None:
        raise NotFoundError(
            f"{wanted} has not been imported",
            hint=f"Import it first: fmtui model import {wanted}",
        )
    return _model(row)


def model_by_id(connection: sqlite3.Connection, id: int) -> ModelInfo:
    """The version with this id. Raises NotFoundError when it was removed."""
    row = connection.execute(f"{_MODELS} WHERE v.id = ?", (id,)).fetchone()
    if row is None:
        raise NotFoundError("the model has been removed")
    return _model(row)


def model_files(connection: sqlite3.Connection, id: int) -> list[ModelFileInfo]:
    """The files of a model version, by path."""
    rows = connection.execute(
        "SELECT path, size, sha256 FROM model_file WHERE model_version_id = ? ORDER BY path", (id,)
    )
    return [ModelFileInfo(row["path"], row["size"], row["sha256"]) for row in rows]


def lineage(connection: sqlite3.Connection, id: int) -> Lineage:
    """Where a model version comes from and where it went."""
    ancestors = connection.execute(
        "WITH RECURSIVE up(id, depth) AS (SELECT parent_id, 1 FROM model_version WHERE id = ? "
        "UNION SELECT v.parent_id, depth + 1 FROM up JOIN model_version v ON v.id = up.id) "
        f"{_MODELS} JOIN up ON up.id = v.id ORDER BY up.depth",
        (id,),
    ).fetchall()
    descendants = connection.execute(
        "WITH RECURSIVE down(id) AS (SELECT id FROM model_version WHERE parent_id = ? "
        "UNION SELECT c.id FROM down JOIN model_version c ON c.parent_id = down.id) "
        f"{_MODELS} JOIN down ON down.id = v.id ORDER BY v.id",
        (id,),
    ).fetchall()
    line = [id, *(row["id"] for row in (*ancestors, *descendants))]
    deployments = connection.execute(
        "SELECT d.name, d.state, d.traffic, e.name AS endpoint, "
        "m.name || ':' || v.version AS model "
        "FROM deployment d JOIN endpoint e ON e.id = d.endpoint_id "
        "JOIN model_version v ON v.id = d.model_version_id JOIN model m ON m.id = v.model_id "
        "WHERE v.id IN (SELECT value FROM json_each(?)) ORDER BY e.name, d.name",
        (json.dumps(line),),
    )
    return Lineage(
        ancestors=tuple(_model(row) for row in ancestors),
        descendants=tuple(_deeper(id, descendants, 1)),
        deployments=tuple(
            (
                row["endpoint"],
                DeploymentInfo(row["name"], row["model"], row["state"], row["traffic"]),
            )
            for row in deployments
        ),
    )


def _deeper(id: int, rows: list[sqlite3.Row], depth: int) -> Iterator[tuple[int, ModelInfo]]:
    """The descendants of a version among `rows`, each before its own."""
    for row in rows:
        if row["parent_id"] == id:
            yield depth, _model(row)
            yield from _deeper(row["id"], rows, depth + 1)


def _model(row: sqlite3.Row) -> ModelInfo:
    return ModelInfo(
        id=row["id"],
        ref=f"{row['name']}:{row['version']}",
        name=row["name"],
        version=row["version"],
        task=row["task"],
        architecture=row["architecture"],
        model_type=row["model_type"],
        parameters=row["parameters"],
        size_bytes=row["size_bytes"],
        license=row["license"],
        origin=row["origin"],
        revision=row["revision"],
        parent=row["parent"],
        run=f"r{row['run']}" if row["run"] is not None else None,
        path=row["path"],
        created=row["created"],
        verified=row["verified"],
        labels=tuple(json.loads(row["labels"] or "null") or ()),
        tags=tuple(json.loads(row["tags"])),
        note=row["note"],
    )
