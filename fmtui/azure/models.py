"""Models of the workspace: registered from a folder in MLflow's form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.errors import translated
from fmtui.errors import ConflictError, NotFoundError

FILES = "fmtui_files"
"""The tag that holds the fingerprint of what was uploaded."""


def find(connection: Connection, name: str, version: str) -> Any | None:
    """A version of a workspace's model, None where there is none. Raises RemoteError."""
    try:
        with translated(f"look for the model {name}:{version}"):
            return connection.workspace.models.get(name, version)
    except NotFoundError:
        return None


def register(
    connection: Connection,
    name: str,
    version: str,
    folder: Path,
    *,
    files: str,
    description: str,
    tags: Mapping[str, str],
) -> dict[str, str]:
    """Upload a folder and register it; what an earlier try registered is recognised.

    Args:
        folder: A model in MLflow's form.
        files: The fingerprint of its files, which tells it from another of that name.

    Returns:
        Its name, version and address.

    Raises:
        ConflictError: the workspace has another model of that name and version.
        RemoteError: Azure can't be reached, or refuses.
    """
    from azure.ai.ml.entities import Model

    there = find(connection, name, version)
    if there is None:
        with translated(f"register the model {name}:{version}"):
            there = connection.workspace.models.create_or_update(
                Model(
                    name=name,
                    version=version,
                    path=str(folder),
                    type="mlflow_model",
                    description=description,
                    tags={**tags, FILES: files},
                )
            )
    elif (there.tags or {}).get(FILES) != files:
        raise ConflictError(
            f"the workspace has another model {name}:{version}", hint="Choose another --name."
        )
    return {"name": str(there.name), "version": str(there.version), "uri": str(there.id)}
