"""Register what a bundle holds: all of it in one transaction, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry import trust_file
from registry.bundle.manifest import Manifest
from registry.bundle.portable import SPEC, fingerprints, settled
from registry.database import Database, now, storage_errors
from registry.errors import BadInputError
from registry.folder import describe, names_in
from registry.labels import set_run_tags, tags_in
from registry.queries import model_by_id
from registry.remote import REMOTE
from registry.store import Incoming
from registry.views import ModelInfo

_MODEL = ("revision", "task", "architecture", "model_type", "parameters", "license",
          "created", "note")  # fmt: skip
_RUN = ("kind", "backend", "task", "state", "name", "data", "created", "started", "ended",
        "error")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """The ids of a bundle's models here, those that were new, and how many runs were."""

    ids: tuple[int, ...]
    new: tuple[int, ...]
    runs: int


def register(
    db: Database,
    models: Path,
    runs: Path,
    manifest: Manifest,
    held: Incoming,
    *,
    trust: bool,
) -> Imported:
    """Register models and runs. The folders that were made go when it fails.

    Raises:
        BadInputError: a model is none, or brings code of its own without `trust`.
        StorageError: it can't be written.
    """
    made: list[Path] = []
    try:
        with storage_errors(models), db.write() as connection:
            adding = _Adding(connection, models, runs, held.folder, made, trust)
            for model in manifest.models:
                adding.model(model)
            fresh = sum(adding.run(run) for run in manifest.runs)
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(tuple(adding.ids.values()), tuple(adding.new), fresh)


def _check_files(folder: Path, ref: str, trust: bool) -> None:
    """Hold a bundle's model to what any import is held to. Raises BadInputError."""
    names = names_in(folder)
    if names == [REMOTE]:  # it lies elsewhere, and is checked when it comes
        return
    code = sorted(name for name in names if name == trust_file.NAME or name.endswith(".py"))
    if code and not trust:
        raise BadInputError(
            f"{ref} runs code of its own ({', '.join(code[:5])})",
            hint="Nothing was registered. Read the code in the bundle, then import it with "
            "--trust-remote-code.",
        )
    try:
        describe(folder, trust=trust_file.NAME in names)
    except BadInputError as error:
        error.file = error.file and error.file.replace(str(folder), ref)
        error.hint = "Nothing was registered. Write the bundle anew."
        raise


@dataclass
class _Adding:
    """One import under way. `ids` maps what the bundle calls a model to its id here."""

    connection: sqlite3.Connection
    models: Path
    runs: Path
    files: Path
    made: list[Path]
    trust: bool
    ids: dict[str, int] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)

    def model(self, model: dict[str, Any]) -> None:
        """Register a model, unless a version of its name has the very same files."""
        known = self._known(model)
        if known is None:
            known = self._add(model)
            self.new.append(known)
        self.ids[model["ref"]] = known

    def _known(self, model: dict[str, Any]) -> int | None:
        wanted = {(file["path"], file["sha256"]) for file in model["files"]}
        for row in self.connection.execute(
            "SELECT v.id FROM model_version v JOIN model m ON m.id = v.model_id WHERE m.name = ?",
            (model["name"],),
        ).fetchall():
            files = self.connection.execute(
                "SELECT path, sha256 FROM model_file WHERE model_version_id = ?", (row[0],)
            )
            if {tuple(file) for file in files} == wanted:
                return int(row[0])
        return None

    def _add(self, model: dict[str, Any]) -> int:
        name, time = model["name"], now()
        self.connection.execute(
            "INSERT OR IGNORE INTO model (name, created) VALUES (?, ?)", (name, time)
        )
        (of,) = self.connection.execute("SELECT id FROM model WHERE name = ?", (name,)).fetchone()
        versions = self.connection.execute(
            "SELECT version FROM model_version WHERE model_id = ?", (of,)
        )
        taken = {row[0] for row in versions}
        version = model["version"] if model["version"] not in taken else max(taken) + 1
        folder = self.models / name / str(version)
        shutil.rmtree(folder, ignore_errors=True)  # no row names it: it belongs to nobody
        folder.mkdir(parents=True)
        self.made.append(folder)
        for file in model["files"]:
            os.link(self.files / file["sha256"], folder / file["path"])
        _check_files(folder, model["ref"], self.trust)
        # A run's number is its machine's: the run tells its number here when it is registered.
        origin = model["origin"]
        id = self._insert(
            "model_version",
            {
                "model_id": of,
                "version": version,
                "origin": f"bundle:{model['ref']}" if origin.startswith("run:") else origin,
                "path": str(folder),
                "labels": json.dumps(model["labels"]),
                "parent_id": self.ids.get(model["parent"] or ""),
                "verified": time,
                "size_bytes": sum(file["size"] for file in model["files"]),
                **{fact: model[fact] for fact in _MODEL},
            },
        )
        for file in model["files"]:
            facts = {key: file[key] for key in ("path", "size", "sha256")}
            self._insert("model_file", {"model_version_id": id, **facts})
        for tag in model["tags"]:
            self._insert("model_tag", {"model_version_id": id, "tag": tag})
        return id

    def run(self, run: dict[str, Any]) -> bool:
        """Register a run under the next number. False when it is here."""
        same = "SELECT 1 FROM run WHERE kind = ? AND created = ? AND ended IS ? AND data IS ?"
        words = (run["kind"], run["created"], run["ended"], run["data"])
        if self.connection.execute(same, words).fetchone():
            return False
        folder = self._run_folder()
        for file in run["files"]:
            shutil.copyfile(self.files / file["sha256"], folder / file["path"])
        output = self.ids.get(run["output"] or "")
        taken = "SELECT 1 FROM run WHERE output_version_id = ?"
        if self.connection.execute(taken, (output,)).fetchone():
            output = None
        model, dataset = self._settle(folder / SPEC, self.ids.get(run["model"] or ""))
        number = int(folder.name[1:])
        self._insert(
            "run",
            {
                "id": number,
                "model": model.ref if model else run["model"],
                "model_version_id": model.id if model else None,
                "dataset_version_id": dataset,
                "output_version_id": output,
                "metrics": json.dumps(run["metrics"]),
                **{fact: run[fact] for fact in _RUN},
                "away": run.get("away", 0.0),
            },
        )
        for point in run["points"]:
            names = ("step", "epoch", "split", "name", "value")
            self._insert("metric", {"run_id": number, **dict(zip(names, point, strict=True))})
        set_run_tags(self.connection, number, tags_in(folder))
        if output is not None:
            self.connection.execute(
                "UPDATE model_version SET origin = ? WHERE id = ? AND origin LIKE 'bundle:%'",
                (f"run:{folder.name}", output),
            )
        return True

    def _run_folder(self) -> Path:
        sql = "SELECT coalesce(max(id), 0) + 1 FROM run"
        (number,) = self.connection.execute(sql).fetchone()
        while True:
            folder = self.runs / f"r{number}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                number += 1
                continue
            self.made.append(folder)
            return folder

    def _settle(self, path: Path, model_id: int | None) -> tuple[ModelInfo | None, int | None]:
        """Tell a run's spec where its model and data are here. Returns the model, the data's id."""
        places: dict[str, dict[str, Any]] = {}
        model = model_by_id(self.connection, model_id) if model_id is not None else None
        if model is not None:
            places["model"] = {"ref": model.ref, "id": model.id, "path": model.path}
        dataset = None
        content = path.read_bytes() if path.is_file() else b""
        for part, fingerprint in fingerprints(content):
            row = self.connection.execute(
                "SELECT id, path FROM dataset_version WHERE fingerprint = ? LIMIT 1", (fingerprint,)
            ).fetchone()
            if row:
                places[part] = {"path": row["path"]}
                dataset = dataset or row["id"]
        if content:
            path.write_bytes(settled(content, path.parent.name, places))
        return model, dataset

    def _insert(self, table: str, values: Mapping[str, Any]) -> int:
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return self.connection.execute(sql, tuple(values.values())).lastrowid or 0
