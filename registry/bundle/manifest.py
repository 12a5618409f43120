"""What a bundle says it holds: written from the registry, and read with no trust in it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import IO, Any

from registry.bundle.portable import copy_portable, machine, portable
from registry.errors import BadInputError
from registry.labels import TAGS_FILE
from registry.queries import lineage, model_files
from registry.references import NAME
from registry.store import hash_file
from registry.views import ModelInfo

MANIFEST = "manifest.json"
FORMAT = 1
RUN_FILES = ("spec.json", "journal.jsonl", "exit.json", TAGS_FILE)
_MOST = 1 << 63
_ENDED = ("completed", "failed", "canceled")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f-\x9f]{1,255}")

_MODEL: dict[str, tuple[type, ...]] = {
    "ref": (str,), "name": (str,), "version": (int,), "origin": (str,),
    "revision": (str, type(None)), "task": (str, type(None)), "architecture": (str, type(None)),
    "model_type": (str, type(None)), "parameters": (int, type(None)), "size_bytes": (int,),
    "license": (str, type(None)), "labels": (list,), "parent": (str, type(None)),
    "created": (str,), "note": (str, type(None)), "tags": (list,), "files": (list,),
}  # fmt: skip
_RUN: dict[str, tuple[type, ...]] = {
    "kind": (str,), "backend": (str,), "task": (str, type(None)), "state": (str,),
    "name": (str, type(None)), "model": (str, type(None)), "data": (str, type(None)),
    "output": (str, type(None)), "metrics": (dict,), "created": (str,),
    "started": (str, type(None)), "ended": (str, type(None)), "error": (str, type(None)),
    "points": (list,), "files": (list,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifest:
    """Models, what they were made of coming before them; runs; and each file's size by its hash."""

    models: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    files: dict[str, int]


def collect(
    connection: sqlite3.Connection, runs: Path, models: list[ModelInfo], scratch: Path
) -> tuple[dict[str, Any], dict[str, tuple[Path, int]]]:
    """The manifest for these models and their ancestors, and where each file's bytes are.

    The files of runs are written to `scratch` without what is this machine's.
    """
    family = {
        one.id: one for model in models for one in (*lineage(connection, model.id).ancestors, model)
    }
    sources: dict[str, tuple[Path, int]] = {}
    told = []
    # A parent is older than its child; names and versions would not tell which comes first.
    for model in sorted(family.values(), key=lambda m: m.id):
        files = model_files(connection, model.id)
        sources |= {file.sha256: (Path(model.path) / file.path, file.size) for file in files}
        told.append(
            {
                **{key: getattr(model, key) for key in _MODEL if hasattr(model, key)},
                "labels": list(model.labels),
                "tags": list(model.tags),
                "files": [file.as_json() for file in files],
            }
        )
    within = json.dumps(sorted(family))
    rows = connection.execute(
        "SELECT * FROM run WHERE output_version_id IN (SELECT value FROM json_each(?)) "
        "OR model_version_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (within, within),
    ).fetchall()
    ended = [row for row in rows if row["state"] in _ENDED]
    manifest = {
        "format": FORMAT,
        "models": told,
        "runs": [_run(connection, runs, row, family, sources, scratch) for row in ended],
        "datasets": _datasets(connection, ended),
    }
    return manifest, sources


def _run(
    connection: sqlite3.Connection,
    runs: Path,
    row: sqlite3.Row,
    family: dict[int, ModelInfo],
    sources: dict[str, tuple[Path, int]],
    scratch: Path,
) -> dict[str, Any]:
    files = []
    here = machine(runs.parent)
    for name in RUN_FILES:
        path = runs / f"r{row['id']}" / name
        if path.is_file():
            taken = scratch / f"r{row['id']}-{name}"
            copy_portable(path, taken, here)
            sha256, size = hash_file(taken), taken.stat().st_size
            sources[sha256] = (taken, size)
            files.append({"path": name, "size": size, "sha256": sha256})
    points = connection.execute(
        "SELECT step, epoch, split, name, value FROM metric WHERE run_id = ? ORDER BY id",
        (row["id"],),
    )
    output, model = family.get(row["output_version_id"]), family.get(row["model_version_id"])
    return {
        **{key: row[key] for key in _RUN if key in row.keys()},  # noqa: SIM118  (a sqlite3.Row)
        "model": model.ref if model else row["model"],
        "output": output.ref if output else None,
        "away": row["away"],
        "error": portable(row["error"], here),
        "metrics": json.loads(row["metrics"] or "{}"),
        "points": [list(point) for point in points],
        "files": files,
    }


def _datasets(connection: sqlite3.Connection, runs: list[sqlite3.Row]) -> list[dict[str, Any]]:
    """Facts of the data that the runs saw; the rows themselves stay at home."""
    ids = json.dumps(sorted({run["dataset_version_id"] for run in runs} - {None}))
    rows = connection.execute(
        "SELECT d.name, v.version, v.fingerprint, v.rows, v.columns, v.roles, v.splits, "
        "v.size_bytes FROM dataset_version v JOIN dataset d ON d.id = v.dataset_id "
        "WHERE v.id IN (SELECT value FROM json_each(?)) ORDER BY d.name, v.version",
        (ids,),
    )
    decoded = ("columns", "roles", "splits")
    return [
        {
            key: json.loads(row[key] or "null") if key in decoded else row[key]
            for key in row.keys()  # noqa: SIM118
        }
        for row in rows
    ]


def check(value: Any, where: str) -> Manifest:
    """A manifest whose every name and number may be used. Raises BadInputError."""

    def refuse(message: str) -> BadInputError:
        return BadInputError(
            f"has a manifest that {message}",
            file=where,
            hint="Nothing was registered. Write the bundle anew.",
        )

    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise refuse(f"is not of format {FORMAT}")
    models, runs = value.get("models"), value.get("runs")
    if not isinstance(models, list) or not isinstance(runs, list) or not models:
        raise refuse("lists no models")
    files: dict[str, int] = {}
    seen: set[str] = set()
    for kind, fields, listed in (("model", _MODEL, models), ("run", _RUN, runs)):
        for one in listed:
            for key, types in fields.items():
                if not isinstance(one, dict) or not _is_one_of(one.get(key, ...), types):
                    raise refuse(f"tells no {key} of a {kind}")
            names: set[str] = set()
            for file in one["files"]:
                _check_file(file, names, files, refuse)
            if kind == "run" and not names <= set(RUN_FILES):
                raise refuse("gives a run files that none has")
    for model in models:
        if not NAME.fullmatch(model["name"]) or not 0 < model["version"] < 1 << 31:
            raise refuse("names a model that can't be")
        if model["ref"] != f"{model['name']}:{model['version']}":
            raise refuse("calls a model by another name")
        if model["parent"] is not None and model["parent"] not in seen:
            raise refuse("tells of a child before its parent")
        if not all(isinstance(word, str) for word in (*model["labels"], *model["tags"])):
            raise refuse("holds labels or tags that are no words")
        if len(set(model["tags"])) < len(model["tags"]):
            raise refuse("holds a tag twice")
        if model["ref"] in seen or not model["files"]:
            raise refuse("tells of a model twice, or of one without files")
        seen.add(model["ref"])
    for run in runs:
        if run["state"] not in _ENDED:
            raise refuse("tells of a run that has not ended")
        away = run.get("away", 0.0)  # bundles of older versions don't tell
        if not all(map(_is_moment, (run["started"], run["ended"]))) or not (
            isinstance(away, int | float) and 0 <= away < float("inf")
        ):
            raise refuse("tells no times of a run")
        if not all(map(_is_point, run["points"])) or not all(
            map(_is_number, run["metrics"].values())
        ):
            raise refuse("holds a metric that is none")
    return Manifest(models, runs, files)


def _is_one_of(value: Any, types: tuple[type, ...]) -> bool:
    """Whether a value has one of the types; numbers are counts that the registry can hold."""
    if type(value) is int:
        return int in types and 0 <= value < _MOST
    return type(value) in types


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < _MOST)


def _is_point(point: Any) -> bool:
    """Whether a metric is `[step, epoch, split, name, value]`."""
    if not isinstance(point, list) or len(point) != 5:
        return False
    step, epoch, split, name, value = point
    words = isinstance(split, str) and isinstance(name, str)
    numbers = type(step) is int and all(map(_is_number, (step, value)))
    return words and numbers and not isnan(value) and (epoch is None or _is_number(epoch))


def _is_moment(text: str | None) -> bool:
    try:
        return text is None or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _check_file(file: Any, names: set[str], files: dict[str, int], refuse: Any) -> None:
    if not isinstance(file, dict):
        raise refuse("names a file that is none")
    path, size, sha256 = file.get("path"), file.get("size", -1), file.get("sha256")
    if not (
        isinstance(path, str)
        and _FILE.fullmatch(path)
        and path not in names
        and _is_one_of(size, (int,))
        and isinstance(sha256, str)
        and _SHA256.fullmatch(sha256)
        and files.get(sha256, size) == size
    ):
        raise refuse(f"names a file that can't be: {str(path)[:80]!r}")
    names.add(path)
    files[sha256] = size


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to read. Raises BadInputError when it can't be."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    with file:
        yield file
