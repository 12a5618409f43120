"""A model of this machine in a workspace of Azure ML: uploaded in MLflow's form, and known here."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from fmtui.errors import ConflictError
from fmtui.services import azure, launch, models
from fmtui.services.context import Context
from fmtui.services.mlflow_model import export_mlflow
from registry import queries
from registry.database import storage_errors
from registry.references import check_name
from registry.remote import register_remote, remote_of
from registry.store import Facts
from registry.views import ModelInfo

Tell = Callable[[str], None]


def upload(
    ctx: Context,
    ref: str,
    *,
    name: str | None = None,
    given: Mapping[str, str | None] | None = None,
    told: Tell = lambda words: None,
) -> ModelInfo:
    """Register a model in the workspace. What was interrupted goes on by the same call.

    Args:
        name: What the workspace calls it; its own name where left out. The version is its own.
        given: What names the workspace; see `fmtui.azure.settings`.
        told: Called with what is being done.

    Returns:
        The version, made of this one, that lies in the workspace: what is deployed there.

    Raises:
        NotFoundError: there is no such model.
        BadInputError: its task has no MLflow form, or its files are gone.
        ConflictError: it lies there already, or another of its name and version does.
        RemoteError: Azure can't be reached, or refuses.
    """
    from fmtui.azure.connection import connect
    from fmtui.azure.models import register

    info = models.show(ctx, ref)
    if remote_of(info) is not None:
        raise ConflictError(f"{info.ref} lies in Azure ML already")
    launch.check_files(info)
    name = check_name(name or info.name, "model")
    said = {key: str(value) for key, value in (given or {}).items() if value}
    settings = azure.settings(ctx, said)
    connection = connect(ctx.home, {**said})
    files = hashlib.sha256(
        "\n".join(f"{file.sha256} {file.path}" for file in models.files(ctx, info.ref)).encode()
    ).hexdigest()
    ctx.home.root.mkdir(parents=True, exist_ok=True)
    with storage_errors(ctx.home.root):
        temp = Path(tempfile.mkdtemp(prefix=".azure-", dir=ctx.home.root))
    try:
        told(f"writing {info.ref} in MLflow's form")
        folder = export_mlflow(ctx, info.ref, temp / "mlflow_model_folder", link=True)
        told(f"uploading it to {settings.workspace}")
        where = register(
            connection,
            name,
            str(info.version),
            folder,
            files=files,
            description=f"{info.ref}, made by fmtui of {info.parent or info.origin}",
            tags={"task": info.task or "", "license": info.license or ""},
        )
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    facts = Facts(
        origin=f"upload:{info.ref}@{settings.workspace}",
        revision=where["uri"],
        task=info.task,
        labels=info.labels,
        license=info.license,
        parent_id=info.id,
    )
    place = {**where, "given": azure.pinned(settings, said)}
    return queries.model_by_id(
        ctx.db.read(), register_remote(ctx.db, ctx.home.models, name, place, facts)
    )
