"""What a deployment in Azure takes and costs, before anything is begun."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fmtui.errors import BadInputError, UsageError
from fmtui.services._azure_endpoints import connection_of, is_batch, only
from fmtui.services._azure_models import Base, address_of, base_of, check_workspace
from fmtui.services.context import Context

if TYPE_CHECKING:
    from fmtui.azure.compute import Place
    from fmtui.azure.connection import Connection


def plan_deploy(
    ctx: Context,
    name: str,
    model: str,
    instance_type: str | None,
    instance_count: int = 1,
    compute: str | None = None,
) -> tuple[str, Place]:
    """What a deployment would cost, in words, and the place it takes.

    Raises BadInputError for a model that can't be deployed there or a type that is too small.
    """
    only(ctx, name, ("online", "batch"), "deployments")
    return place_for(
        connection_of(ctx, name), name, base_of(ctx, model, "inference"), instance_type,
        instance_count, compute, batch=is_batch(ctx, name),
    )  # fmt: skip


def place_for(
    connection: Connection,
    name: str,
    base: Base,
    instance_type: str | None,
    instance_count: int,
    compute: str | None,
    *,
    batch: bool,
) -> tuple[str, Place]:
    """Like `plan_deploy`, for an endpoint of that kind that need not be there yet."""
    from fmtui.azure.compute import place_of

    address_of(base)
    check_workspace(base, connection.settings)
    if batch:
        if instance_type:
            raise UsageError(
                f"{name} is a batch endpoint, its cluster says the instance type",
                hint="Say --compute alone.",
            )
        if not compute:
            raise UsageError(
                f"{name} is a batch endpoint: which cluster shall its jobs run on?",
                hint="Say it by --compute; `fmtui azure compute` lists them.",
            )
        place = place_of(connection, compute, None, base.needs, base.ref, instance_count)
        words = f"{place.cost(instance_count)} on {compute} while a job runs, nothing between jobs"
        return words, place
    if compute:
        raise UsageError("--compute is for batch endpoints", hint="Say --instance-type.")
    place = place_of(connection, None, instance_type, base.needs, base.ref)
    words = f"{place.cost(instance_count)}, until it is deleted: fmtui endpoint delete {name}"
    return words, place


def check_kind(endpoint: str, traffic: int | None, sizes: Iterable[str], *, batch: bool) -> None:
    """Raise for what an endpoint of the kind has not.

    Args:
        sizes: The options that were given and belong to batch endpoints.
    """
    if batch and traffic not in (None, 0, 100):
        raise BadInputError(
            f"{endpoint} is a batch endpoint: one deployment takes all jobs that name none",
            hint="--traffic 100 makes it this one; else leave it out.",
        )
    for name in () if batch else sizes:
        raise UsageError(f"--{name.replace('_', '-')} is for batch endpoints", hint="Leave it out.")
