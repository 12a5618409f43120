"""What the endpoint service is made of: finding endpoints, their rows, undoing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace

from fmtui.errors import ConflictError, NotFoundError, UsageError
from fmtui.services.context import Context
from fmtui.serving import control
from fmtui.serving.definition import Definition, Deployment, EndpointFolder
from fmtui.serving.folders import forget_revisions, remove_folder
from registry.database import storage_errors
from registry.references import parse, unknown
from registry.views import DeploymentInfo, EndpointInfo

Progress = Callable[[str], None]


def tell(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)


def check_target(target: str) -> None:
    if target != "local":
        raise UsageError(f"no target `{target}`", hint="One of `local` and `azureml`.")


# Finding


def folder_of(ctx: Context, name: str) -> EndpointFolder:
    return EndpointFolder(ctx.home.endpoints / name)


def existing(ctx: Context, name: str) -> EndpointFolder:
    """The folder of an endpoint. Raises NotFoundError when there is no such endpoint."""
    folder = folder_of(ctx, name)
    if name not in names_of(ctx) or folder.read() is None:
        raise unknown_endpoint(ctx, name)
    return folder


def names_of(ctx: Context) -> set[str]:
    """Every endpoint that has a folder or a row."""
    rows = ctx.db.read().execute("SELECT name FROM endpoint")
    names = {str(row["name"]) for row in rows}
    with contextlib.suppress(FileNotFoundError):
        names |= {
            path.name
            for path in ctx.home.endpoints.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        }
    return names


def row_of(ctx: Context, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = (
        ctx.db.read().execute("SELECT * FROM endpoint WHERE name = ?", (name,)).fetchone()
    )
    return row


def unknown_endpoint(ctx: Context, name: str) -> NotFoundError:
    return unknown(
        "endpoint",
        name,
        sorted(names_of(ctx)),
        hint=f"Make it: `fmtui endpoint create {name}`.",
    )


def unknown_deployment(name: str, known: list[str]) -> NotFoundError:
    hint = f"There are: {', '.join(known)}." if known else "Nothing is deployed yet."
    return unknown("deployment", name, known, hint=hint)


def refuse_deleted(definition: Definition) -> None:
    if definition.wanted == "deleted":
        raise ConflictError(
            f"endpoint `{definition.name}` is being deleted",
            hint=f"Finish that first: `fmtui endpoint delete {definition.name}`.",
        )


def info_of(ctx: Context, name: str, row: sqlite3.Row | None = None) -> EndpointInfo:
    """An endpoint as it is right now; a row without a folder says so."""
    row = row if row is not None else row_of(ctx, name)
    folder = folder_of(ctx, name)
    definition = folder.read()
    if definition is None:
        if row is None:
            return EndpointInfo(0, name, "local", "failed", None, None, "", (), _NO_FOLDER)
        state, error = ("failed", _NO_FOLDER) if row["target"] == "local" else (row["state"], None)
        return EndpointInfo(
            row["id"], name, row["target"], state, row["host"], row["port"], row["created"],
            _deployment_rows(ctx, row["id"]), error,
        )  # fmt: skip
    now = control.observe(folder, definition)
    return EndpointInfo(
        id=row["id"] if row is not None else 0,
        name=name,
        target="local",
        state=now.state,
        host=definition.host,
        port=definition.port,
        created=definition.created,
        deployments=tuple(_deployment_info(d, now) for d in definition.deployments),
        error=now.reason if now.state in ("failed", "unhealthy", "deleting") else None,
    )


_NO_FOLDER = "its folder is gone: delete the endpoint and create it again"


def _deployment_info(deployment: Deployment, now: control.Observation) -> DeploymentInfo:
    reached = now.status.deployments.get(deployment.name) if now.status else None
    if reached is None:
        state = "updating" if now.state == "healthy" else now.state
        return DeploymentInfo(deployment.name, deployment.model, state, deployment.traffic)
    current = reached.revision == deployment.revision and reached.state != "loading"
    state = reached.state if current else "updating"
    return DeploymentInfo(
        deployment.name, deployment.model, state, deployment.traffic, reached.error
    )


def _deployment_rows(ctx: Context, endpoint_id: int) -> tuple[DeploymentInfo, ...]:
    rows = ctx.db.read().execute(
        "SELECT d.name, d.traffic, d.state, m.name || ':' || v.version AS model "
        "FROM deployment d JOIN model_version v ON v.id = d.model_version_id "
        "JOIN model m ON m.id = v.model_id WHERE d.endpoint_id = ? ORDER BY d.id",
        (endpoint_id,),
    )
    return tuple(DeploymentInfo(r["name"], r["model"], r["state"], r["traffic"]) for r in rows)


# Making and removing


def choose_port(ctx: Context, host: str, port: int | None) -> int:
    """A port that can be bound and that no endpoint has, running or not."""
    owners: dict[int, str] = {}
    for name in names_of(ctx):
        definition = folder_of(ctx, name).read()
        if definition is not None:
            owners[definition.port] = name
    if port is None:
        return control.free_port(host, set(owners))
    if port in owners:
        raise ConflictError(
            f"port {port} belongs to endpoint `{owners[port]}`",
            hint="Choose another with --port, or leave it out to get a free one.",
        )
    control.check_address(host, port)
    return port


def remove(ctx: Context, folder: EndpointFolder) -> None:
    """End the processes, then remove the rows, then the folder: a crash leaves it to be found."""
    with contextlib.suppress(NotFoundError), folder.change() as definition:
        with storage_errors(folder.path):
            folder.write(replace(definition, wanted="deleted"))
        control.end(folder)
    if folder.path.is_dir():  # also where endpoint.json is damaged
        control.end(folder)
    with ctx.db.write() as connection:
        connection.execute("DELETE FROM endpoint WHERE name = ?", (folder.name,))
    with storage_errors(folder.path):
        remove_folder(folder)


def roll_back(
    ctx: Context, folder: EndpointFolder, before: Definition, deployment: Deployment
) -> None:
    """Undo a deploy that failed, but nothing that other commands did meanwhile."""
    with contextlib.suppress(NotFoundError), folder.change() as current:
        ours = current.deployment(deployment.name)
        if ours is None or ours.revision != deployment.revision:
            return
        old = before.deployment(deployment.name)
        undone = (
            current.with_deployment(old)
            if old is not None
            else current.without_deployment(deployment.name)
        )
        shares = {d.name: d.traffic for d in before.deployments}
        undone = replace(
            undone,
            generation=current.generation + 1,
            wanted=before.wanted,
            deployments=tuple(
                replace(d, traffic=shares.get(d.name, d.traffic)) for d in undone.deployments
            ),
        )
        folder.write(undone)
        if undone.wanted == "stopped":
            control.end(folder)
        else:
            control.ensure_running(folder)
            control.notify(folder)
        write_rows(ctx, undone, "healthy" if undone.wanted == "running" else "stopped")
    forget_revisions(folder)


def write_rows(ctx: Context, definition: Definition, state: str | None) -> None:
    """Bring the registry's rows to the definition; `state` None keeps what they say.

    A deployment whose model is no longer registered has no row.
    """
    with ctx.db.write() as db:
        db.execute(
            "INSERT INTO endpoint (name, target, host, port, state, created) "
            "VALUES (?, 'local', ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "host = excluded.host, port = excluded.port, state = coalesce(?, state)",
            (
                definition.name, definition.host, definition.port,
                state or "updating", definition.created, state,
            ),
        )  # fmt: skip
        found = db.execute("SELECT id FROM endpoint WHERE name = ?", (definition.name,))
        endpoint_id = found.fetchone()["id"]
        names = [d.name for d in definition.deployments]
        marks = ", ".join("?" * len(names))
        db.execute(
            f"DELETE FROM deployment WHERE endpoint_id = ? AND name NOT IN ({marks})",
            (endpoint_id, *names),
        )
        for deployment in definition.deployments:
            reference = parse(deployment.model)
            db.execute(
                "INSERT INTO deployment "
                "(endpoint_id, name, model_version_id, traffic, state, created) "
                "SELECT ?, ?, v.id, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ') FROM model_version v "
                "JOIN model m ON m.id = v.model_id WHERE m.name = ? AND v.version = ? "
                "ON CONFLICT (endpoint_id, name) DO UPDATE SET traffic = excluded.traffic, "
                "model_version_id = excluded.model_version_id, state = coalesce(?, state)",
                (
                    endpoint_id, deployment.name, deployment.traffic, state or "updating",
                    reference.name, int(reference.version or 0), state,
                ),
            )  # fmt: skip
