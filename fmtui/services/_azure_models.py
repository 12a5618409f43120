"""Which model of Azure ML a reference means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fmtui.errors import BadInputError, ConflictError, FmtuiError
from fmtui.services import catalog, models
from fmtui.services.context import Context
from registry.references import parse
from registry.remote import remote_of
from registry.views import ModelInfo

if TYPE_CHECKING:
    from fmtui.azure.settings import AzureSettings

_PLACE = re.compile(
    r"/subscriptions/([^/]+)/resourcegroups/([^/]+)/.*?workspaces/([^/]+)/models/([^/]+)"
    r"/versions/([^/]+)/?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Base:
    """The model that a job takes: which input it goes in as, and what is known of it here.

    `workspace` is the one that it is registered in: subscription, resource group and name.
    """

    ref: str
    inputs: dict[str, Any]
    needs: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    license: str | None = None
    info: ModelInfo | None = None
    workspace: tuple[str, ...] = ()


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
    # What was downloaded lies in the workspace still: its revision is its address there.
    where = remote_of(info) or {}
    place = _PLACE.search(str(where.get("uri") or info.revision or "").replace("azureml:/", "", 1))
    name, version = place.groups()[3:] if place else (where.get("name"), where.get("version"))
    if name and version:
        inputs = {"mlflow_model_path": ["mlflow_model", f"azureml:{name}:{version}"]}
        workspace = place.groups()[:3] if place else ()
        return Base(info.ref, inputs, license=info.license, info=info, workspace=workspace)
    if info.parent is None and info.origin.startswith(("azureml:", "hf:")):
        base = base_of(ctx, info.origin, job)
        return Base(info.ref, base.inputs, base.needs, base.defaults, info.license, info)
    raise BadInputError(
        f"{info.ref} lies on this machine alone",
        hint=f"`fmtui model upload {info.ref}` registers it in the workspace.",
    )


def check_workspace(base: Base, settings: AzureSettings) -> None:
    """Raise ConflictError for a model of another workspace: this one may have one of its name."""
    here = (settings.subscription, settings.resource_group, settings.workspace)
    if base.workspace and [w.lower() for w in base.workspace] != [str(w).lower() for w in here]:
        *_, name = base.workspace
        raise ConflictError(
            f"{base.ref} lies in the workspace {name}, not in {settings.workspace}",
            hint=f"Work in {name}: `fmtui azure pick {name}`, or `--workspace {name}`.",
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
