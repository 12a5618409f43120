"""Where a job runs: a cluster or serverless compute, and whether that suffices for a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.errors import translated
from fmtui.azure.options import SERVERLESS
from fmtui.azure.workspaces import Size, sizes
from fmtui.errors import BadInputError
from registry.references import unknown

_WORDS = (("gpus", "gpus", "GPUs"), ("cpus", "cores", "cores"),
          ("memory_gib", "memory_gib", "GiB of memory"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cluster:
    """A compute cluster: its instance type, between how many instances it scales, and after how
    many seconds an idle one is given back, None where that is not known."""

    name: str
    size: str
    least: int
    most: int
    idle_seconds: float | None


def clusters(connection: Connection) -> list[Cluster]:
    """The compute clusters of the workspace by name. Raises RemoteError."""
    with translated("list the compute clusters"):
        listed = list(connection.workspace.compute.list(compute_type="AMLCompute"))
    found = [
        Cluster(str(c.name), str(c.size or ""), int(c.min_instances or 0),
                int(c.max_instances or 0), c.idle_time_before_scale_down)
        for c in listed
    ]  # fmt: skip
    return sorted(found, key=lambda cluster: cluster.name)


@dataclass(frozen=True)
class Place:
    """A compute target by its name, `serverless` for none, and the instance type it has."""

    compute: str
    size: Size

    def cost(self, count: int = 1) -> str:
        """What it costs an hour, in words."""
        if self.size.price is None:
            return f"{count} × {self.size.name}, price unknown"
        total = self.size.price * count
        return f"{count} × {self.size.name}, about {total:,.2f} {self.size.currency} an hour"


def place_of(
    connection: Connection,
    compute: str | None,
    instance_type: str | None,
    needs: Mapping[str, Any],
    model: str,
    count: int = 1,
) -> Place:
    """The place for a job of `model`.

    Args:
        compute: A cluster; None takes serverless compute.
        instance_type: Of serverless compute; None takes the first recommended one there is.
        needs: `minimum` and `recommended` of the catalogue's entry, empty where it tells none.
        count: How many instances it takes.

    Raises BadInputError for a type that is not there or too small and for a cluster that has not
    so many instances, NotFoundError for a cluster.
    """
    known = {size.name.lower(): size for size in sizes(connection)}
    if compute and compute != SERVERLESS:
        place = Place(compute, _size(known, _cluster_size(connection, compute, count)))
    else:
        wanted = instance_type or _first(known, needs, model)
        place = Place(SERVERLESS, _size(known, wanted))
    check_minimum(place.size, needs, model)
    return place


def _cluster_size(connection: Connection, name: str, count: int) -> str:
    """The instance type of a compute cluster that has `count` instances."""
    with translated("list the compute clusters"):
        found = {c.name: c for c in connection.workspace.compute.list()}
    if name not in found:
        raise unknown(
            "compute cluster", name, sorted(found),
            hint="`fmtui azure compute` lists those of the workspace.",
        )  # fmt: skip
    most = getattr(found[name], "max_instances", None)
    if most is not None and count > most:
        raise BadInputError(
            f"{name} has at most {most} instances, {count} would wait for ever",
            hint=f"Take {most}, or enlarge the cluster.",
        )
    return str(getattr(found[name], "size", None) or "")


def check_minimum(size: Size, needs: Mapping[str, Any], model: str) -> None:
    """Raise BadInputError when an instance type is smaller than what a model needs."""
    minimum = needs.get("minimum") or {}
    for key, attribute, word in _WORDS:
        least, there = minimum.get(key) or 0, getattr(size, attribute)
        if there < least:
            suited = ", ".join((needs.get("recommended") or ())[:4])
            raise BadInputError(
                f"{size.name} has {there:g} {word}, {model} needs at least {least:g}",
                hint=f"Recommended: {suited}." if suited else "Take a larger --instance-type.",
            )


def _size(known: Mapping[str, Size], name: str) -> Size:
    size = known.get(name.lower())
    if size is None:
        raise unknown(
            "instance type in the workspace's region", name, [s.name for s in known.values()]
        )
    return size


def _first(known: Mapping[str, Size], needs: Mapping[str, Any], model: str) -> str:
    recommended = needs.get("recommended") or ()
    found = next((name for name in recommended if name.lower() in known), None)
    if found is None:
        raise BadInputError(
            f"which instance type shall {model} run on?",
            hint="Say it by --instance-type, or name a cluster by --compute.",
        )
    return str(found)
