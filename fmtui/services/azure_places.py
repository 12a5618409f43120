"""Where a job or a deployment can run in Azure ML: instance types and clusters to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fmtui.errors import FmtuiError
from fmtui.services._azure_models import base_of
from fmtui.services.context import Context

if TYPE_CHECKING:
    from fmtui.azure.compute import Cluster
    from fmtui.azure.workspaces import Size


@dataclass(frozen=True)
class InstanceType:
    """An instance type that suffices, and whether its model's publisher recommends it."""

    size: Size
    recommended: bool


def instance_types(ctx: Context, model: str, job: str) -> list[InstanceType]:
    """The instance types of the region that suffice for a model, the recommended ones first.

    Args:
        job: `inference`, `finetune` or `evaluation`.

    Raises RemoteError.
    """
    from fmtui.azure.compute import check_minimum
    from fmtui.azure.connection import connect
    from fmtui.azure.workspaces import sizes

    needs: dict[str, Any] = {}
    with suppress(FmtuiError):  # of a model that is not known yet nothing is known
        needs = base_of(ctx, model, job).needs
    wanted = [str(name).lower() for name in needs.get("recommended") or ()]
    found = []
    for size in sizes(connect(ctx.home, {})):
        with suppress(FmtuiError):
            check_minimum(size, needs, model)
            found.append(InstanceType(size, size.name.lower() in wanted))
    last = len(wanted)
    return sorted(found, key=lambda t: wanted.index(t.size.name.lower()) if t.recommended else last)


def clusters(ctx: Context, given: Mapping[str, str | None] | None = None) -> list[Cluster]:
    """The compute clusters of a workspace, by name. Raises RemoteError."""
    from fmtui.azure.compute import clusters as ask
    from fmtui.azure.connection import connect

    return ask(connect(ctx.home, dict(given or {})))
