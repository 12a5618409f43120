"""Which model of Azure ML a reference means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fmtui.errors import BadInputError, FmtuiError
from fmtui.services import catalog, models
from fmtui.services.context import Context
from registry.references import parse
from registry.remote import remote_of
from registry.views import ModelInfo


@dataclass(frozen=True)
class Base:
    """The model that a job takes: which input it goes in as, and what is known of it here."""

    ref: str
    inputs: dict[str, Any]
    needs: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    license: str | None = None
    info: ModelInfo | None = None


def base_of(ctx: Context, ref: str, job: str) -> Base:
    """What a job on Azure ML takes for a model reference.

    A model of a registry goes in by its address, one of the hub by its id; of the models that are
    registered here those that lie in the workspace, and those that were imported unchanged.
    """
    wanted = parse(ref)
    if wanted.source == "hf":
        return Base(ref, {"huggingface_id": wanted.name})
    if wanted.source == "local":
        return _base_here(ctx, models.show(ctx, ref), job)
    entry = None
    try:
        entry = catalog.show(ctx, str(wanted))
    except FmtuiError:
        if wanted.version is None:
            raise
    version = wanted.version or (entry.version if entry else "")
    uri = f"azureml://registries/{wanted.source}/models/{wanted.name}/versions/{version}"
    return Base(
        str(wanted),
        {"mlflow_model_path": ["mlflow_model", uri]},
        (entry.skus.get(job) or {}) if entry else {},
        dict(entry.defaults) if entry else {},
        entry.license if entry else None,
    )


def _base_here(ctx: Context, info: ModelInfo, job: str) -> Base:
    where = remote_of(info)
    if where is not None:
        path = f"azureml:{where['name']}:{where['version']}"
        return Base(
            info.ref, {"mlflow_model_path": ["mlflow_model", path]}, license=info.license, info=info
        )
    if info.parent is None and info.origin.startswith(("azureml:", "hf:")):
        base = base_of(ctx, info.origin, job)
        return Base(info.ref, base.inputs, base.needs, base.defaults, info.license, info)
    raise BadInputError(
        f"{info.ref} lies on this machine alone",
        hint=f"`fmtui model upload {info.ref}` registers it in the workspace.",
    )


def address_of(base: Base) -> str:
    """Where a model lies in Azure. Raises BadInputError for one that lies elsewhere."""
    path = base.inputs.get("mlflow_model_path")
    if path is None:
        raise BadInputError(
            f"{base.ref} is no model in Azure ML",
            hint="Deploy a model of its catalogue, or one that was finetuned there.",
        )
    return str(path[1])
