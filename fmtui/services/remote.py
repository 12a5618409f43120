"""Models that lie in Azure ML: registered here with their lineage, fetched on request."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, ConflictError
from fmtui.runs.folder import RunFolder
from fmtui.services import models
from fmtui.services.context import Context
from registry.database import storage_errors
from registry.remote import fill, register_remote, remote_of
from registry.store import Facts
from registry.views import ModelInfo

__all__ = ["download", "register", "remote_of"]

_MODEL_FILE = "azure_model.json"


def register(
    ctx: Context, folder: RunFolder, spec: dict[str, Any], parent_ref: str | None
) -> int | None:
    """Register what a run made as a version that lies in Azure; None where it made none."""
    try:
        where = json.loads((folder.output / _MODEL_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    parent = models.show(ctx, parent_ref).id if parent_ref else None
    facts = Facts(
        origin=f"run:{spec['run']}",
        revision=str(where["uri"]),
        task=spec["task"],
        labels=tuple(spec.get("labels") or ()),
        license=spec["model"].get("license"),
        parent_id=parent,
    )
    return register_remote(ctx.db, ctx.home.models, spec["name"], where, facts)


def download(ctx: Context, ref: str) -> ModelInfo:
    """Fetch the files of a version that lies in Azure ML; it is used like any other from then on.

    Raises:
        ConflictError: it is here already.
        RemoteError: Azure can't be reached, or refuses.
        BadInputError: what came holds no model that can be used here.
    """
    info = models.show(ctx, ref)
    where = remote_of(info)
    if where is None:
        raise ConflictError(f"{info.ref} is on this machine already")
    from fmtui.azure.connection import connect
    from fmtui.azure.errors import translated

    ctx.home.root.mkdir(parents=True, exist_ok=True)
    with storage_errors(ctx.home.root):
        temp = Path(tempfile.mkdtemp(prefix=".azure-", dir=ctx.home.root))
    try:
        client = connect(ctx.home, dict(where.get("given") or {})).workspace
        with translated(f"download {where['name']}:{where['version']}"):
            client.models.download(where["name"], where["version"], download_path=str(temp))
        fill(ctx.db, ctx.home.models, info, flat(temp, temp / "model"))
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return models.show(ctx, info.ref)


def flat(folder: Path, target: Path) -> Path:
    """One folder of a model's weights, configuration and tokenizer, which MLflow keeps apart.

    Raises BadInputError when there is no model in it.
    """
    configs = [path.parent for path in sorted(folder.rglob("config.json"))]
    weights = [f for f in configs if any(f.glob("*.safetensors")) or any(f.glob("*.bin"))]
    if not weights:
        raise BadInputError(
            "the model from Azure ML holds no weights that can be used here",
            hint="It is used where it lies: evaluate and deploy it on Azure ML.",
        )
    target.mkdir()
    sources = [weights[0], *(p.parent for p in sorted(folder.rglob("tokenizer_config.json")))]
    for source in sources:
        for path in source.iterdir():
            if path.is_file() and not (target / path.name).exists():
                path.rename(target / path.name)
    return target
