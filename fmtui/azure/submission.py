"""Handing a run to Azure ML: from its spec to the job, and back out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmtui.azure import batch, jobs
from fmtui.azure.connection import Connection, connect
from fmtui.azure.options import AzureOptions
from fmtui.runs.folder import RunFolder

_LOCAL = ("uri_file", "uri_folder")


def connection_of(folder: RunFolder) -> Connection:
    """The connection to the workspace that a run was sent to, whatever is in force by now."""
    return connect(folder.home, dict(AzureOptions.of(folder.spec()).given))


def job_of(folder: RunFolder) -> str:
    """The name of a run's job; it was chosen before it was submitted. Each attempt has its own."""
    name = str(folder.spec()["azure"]["job"])
    attempts = len(list((folder.path / "attempts").glob("exit.*.json")))
    return f"{name}-{attempts + 1}" if attempts else name


def submit(folder: RunFolder) -> str:
    """Submit a run's job; returns its page in the studio. Doing it twice makes one job.

    Raises RemoteError and what the service refuses.
    """
    spec, connection = folder.spec(), connection_of(folder)
    asked: dict[str, Any] = spec["azure"]
    if asked.get("adopted"):
        return ""
    if spec["kind"] == "batch":
        return _invoke(folder, connection, asked)
    return jobs.submit(
        connection,
        job_of(folder),
        jobs.component(connection, asked["component"]),
        {key: _input(folder, value) for key, value in asked["inputs"].items()},
        asked["outputs"],
        experiment=asked.get("experiment") or "fmtui",
        display_name=f"{spec['run']}-{spec.get('name') or spec['kind']}",
        tags={"fmtui.run": spec["run"], "fmtui.kind": spec["kind"], **asked.get("tags", {})},
    )


def _invoke(folder: RunFolder, connection: Connection, asked: dict[str, Any]) -> str:
    """Start the job of a batch endpoint, unless one of its name is there."""
    name = job_of(folder)
    if (known := jobs.find(connection, name)) is None:
        kind, path = _input(folder, asked["data"])
        batch.invoke(
            connection,
            asked["endpoint"],
            asked["deployment"],
            (kind, str(path)),
            job=name,
            experiment=asked.get("experiment") or "fmtui",
        )
        known = jobs.find(connection, name)
    return jobs.studio(known) if known is not None else ""


def _input(folder: RunFolder, value: Any) -> Any:
    """A value; or an asset, whose path within the folder is made whole."""
    if not isinstance(value, list):
        return value
    kind, path = value
    inside = folder.path / path
    if kind in _LOCAL and not path.startswith("azureml:") and inside.exists():
        return kind, Path(inside)
    return kind, path


def cancel(folder: RunFolder) -> bool:
    """Ask Azure to end a run's job. False where there is no job. Raises RemoteError."""
    connection, name = connection_of(folder), job_of(folder)
    if jobs.find(connection, name) is None:
        return False
    jobs.cancel(connection, name)
    return True
