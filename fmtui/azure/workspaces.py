"""The workspaces of a subscription, and the instance types of a region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.errors import translated
from fmtui.errors import BadInputError


def list_workspaces(connection: Connection) -> list[tuple[str, str, str, str]]:
    """Name, resource group, subscription and location of each.

    Raises RemoteError, BadInputError when no subscription is known.
    """
    subscription = connection.settings.subscription
    if not subscription:
        raise BadInputError(
            "no subscription is known",
            hint="Set AZURE_SUBSCRIPTION_ID, or sign in with `az login`.",
        )
    with translated("list the workspaces"):
        client = connection.client(subscription_id=subscription)
        found = list(client.workspaces.list(scope="subscription"))
    return [(w.name, w.resource_group, subscription, w.location) for w in found]


@dataclass(frozen=True, slots=True)
class Size:
    """An instance type: cores, GPUs, memory and disk in GiB, and its price an hour in `currency`,
    None where the region tells none."""

    name: str
    family: str
    cores: int
    gpus: int
    memory_gib: float
    disk_gib: int
    price: float | None
    currency: str = "USD"


def sizes(connection: Connection) -> list[Size]:
    """The instance types of the workspace's region, the smallest first. Raises RemoteError."""
    with translated("list the instance types"):
        listed = list(connection.workspace.compute.list_sizes())
    found = [_size(vars(size)) for size in listed]
    return sorted(found, key=lambda size: (size.gpus, size.cores, size.memory_gib, size.name))


def _size(values: dict[str, Any]) -> Size:
    """A size of the SDK, whose attributes have the wire's names or Python's by its version."""

    def either(wire: str, python: str) -> Any:
        return values.get(wire) or values.get(python)

    return Size(
        str(values["name"]),
        str(values.get("family") or ""),
        either("vCPUs", "v_cp_us") or 0,
        values.get("gpus") or 0,
        either("memoryGB", "memory_gb") or 0.0,
        (either("maxResourceVolumeMB", "max_resource_volume_mb") or 0) // 1024,
        _price(either("estimatedVMPrices", "estimated_vm_prices")),
    )


def _price(prices: Any) -> float | None:
    """The price of an hour of a Linux machine of its own, None where the region tells none."""
    for value in prices.get("values") or () if isinstance(prices, dict) else ():
        if value.get("osType") == "Linux" and value.get("vmTier") == "Standard":
            return float(value["retailPrice"])
    return None
