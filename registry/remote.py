"""Versions whose files lie elsewhere: registered with where they are, filled on request.

Such a version's folder holds one file, `remote.json`, until `fill` puts the model's own in place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.database import Database, storage_errors
from registry.folder import Description, describe
from registry.references import check_name
from registry.store import Facts, incoming, place
from registry.views import ModelInfo

REMOTE = "remote.json"


def register_remote(
    db: Database, models: Path, name: str, where: Mapping[str, Any], facts: Facts
) -> int:
    """Register a model that lies elsewhere as the next version of `name`; returns its id.

    A version of that name and origin is not registered twice. Raises StorageError.
    """
    check_name(name, "model")
    with incoming(models, 0) as held:
        text = json.dumps(dict(where), indent=1)
        with storage_errors(models):
            (held.folder / REMOTE).write_text(text, encoding="utf-8")
        held.adopt(REMOTE)
        nothing = Description((REMOTE,), "", None, facts.task, facts.labels, None, facts.license)
        return place(db, models, held, name, nothing, facts, next_version=True)


def remote_of(model: ModelInfo) -> dict[str, Any] | None:
    """Where a version's files lie, None for one that is here."""
    try:
        value = json.loads((Path(model.path) / REMOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def fill(db: Database, models: Path, model: ModelInfo, source: Path) -> None:
    """Put the files of `source` in the place of a version that was elsewhere, whole or not at all.

    Raises BadInputError when the folder holds no model, StorageError when it can't be written.
    """
    description = describe(source)
    target = Path(model.path)
    with incoming(models, 0) as held:
        for file in description.files:
            held.link(source / file, file)
        before = held.folder.with_name(f"{held.folder.name}.before")
        with storage_errors(models), db.write() as connection:
            connection.execute("DELETE FROM model_file WHERE model_version_id = ?", (model.id,))
            connection.executemany(
                "INSERT INTO model_file (model_version_id, path, size, sha256) VALUES (?, ?, ?, ?)",
                [(model.id, file.path, file.size, file.sha256) for file in held.files],
            )
            connection.execute(
                "UPDATE model_version SET size_bytes = ?, architecture = ?, model_type = ?, "
                "parameters = ?, labels = ? WHERE id = ?",
                (
                    sum(file.size for file in held.files),
                    description.architecture,
                    description.model_type,
                    description.parameters,
                    json.dumps(list(description.labels or model.labels)),
                    model.id,
                ),
            )
            target.rename(before)
            try:
                held.folder.rename(target)
            except OSError:
                before.rename(target)
                raise
        shutil.rmtree(before, ignore_errors=True)
        held.folder.mkdir()  # the block above sweeps it
