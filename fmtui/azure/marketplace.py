"""Subscriptions of the workspace to offers of the Azure Marketplace.

Models that their publishers sell are served to a workspace that is subscribed to the offer, once
for each model; subscribing accepts the publisher's terms, and each token is billed from then on:
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-models-serverless
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.endpoints import Tell, value_of, wait
from fmtui.azure.errors import translated
from fmtui.errors import ConflictError, FmtuiError, NotFoundError, RemoteError

PAID = (
    "Purchases there want an Azure subscription with a means of payment (no free or trial one), "
    "in a country that the publisher sells to, and an enrolment that allows them."
)
"""What is amiss where a purchase is refused, as the documentation has it."""

_STATUS = {
    "Subscribed": "active",
    "PendingFulfillmentStart": "creating",
    "Suspended": "suspended",
    "Unsubscribed": "ended",
}
_PROVISIONING = {
    "Creating": "creating",
    "Updating": "creating",
    "Deleting": "deleting",
    "Failed": "failed",
    "Canceled": "failed",
}
_BEST_FIRST = ("active", "creating", "suspended", "ended", "failed", "deleting")
_FULFILMENT_SECONDS = 1800.0
_POLL_SECONDS = 5.0
_VERSION = re.compile(r"/(?:versions|labels)/[^/]+/?$")


@dataclass(frozen=True)
class Subscription:
    """A subscription as the service shows it.

    Attributes:
        model: The address of the model, without a version.
        status: active, creating, suspended, ended, failed or deleting.
        publisher: Whose offer it is; empty, as are `offer` and `plan`, while that is not known.
    """

    name: str
    model: str
    status: str
    publisher: str = ""
    offer: str = ""
    plan: str = ""
    created: str = ""

    @property
    def offered(self) -> str:
        """What is subscribed to, in words."""
        words = [
            f"{what} {value}"
            for what, value in
            (("publisher", self.publisher), ("offer", self.offer), ("plan", self.plan))
            if value
        ]  # fmt: skip
        return ", ".join(words) or "its publisher's offer"


def listed(connection: Connection) -> list[Subscription]:
    """The subscriptions of the workspace. Raises RemoteError."""
    settings = connection.settings
    with translated("list the marketplace subscriptions"):
        # The SDK's own verbs break on one without a plan, which the contract allows (1.35.2).
        client = connection.workspace.marketplace_subscriptions._service_client
        return [_of(found) for found in client.list(settings.resource_group, settings.workspace)]


def find(connection: Connection, address: str) -> Subscription | None:
    """The subscription for a model, the best where there are several. Raises RemoteError."""
    found = [s for s in listed(connection) if s.model.lower() == address.lower()]
    return min(found, key=lambda s: _BEST_FIRST.index(s.status), default=None)


def check(subscription: Subscription) -> None:
    """Raise ConflictError for one that serves nothing and is not on its way to."""
    name = subscription.name
    what = f"the workspace's marketplace subscription {name} ({subscription.offered})"
    if subscription.status == "suspended":
        raise ConflictError(
            f"{what} is suspended: Azure could not bill it",
            hint="Put the payment in order in Azure's portal, under Cost Management + Billing; "
            "then try again.",
        )
    if subscription.status == "ended":
        raise ConflictError(
            f"{what} has ended: somebody cancelled it, or bills stayed unpaid",
            hint=f"`fmtui azure unsubscribe {name}` clears it away; then subscribe anew.",
        )
    if subscription.status == "deleting":
        raise ConflictError(f"{what} is being deleted", hint="Try again in a while.")
    if subscription.status == "failed":
        raise RemoteError(f"{what} could not be made", hint=PAID)


def subscribe(connection: Connection, address: str, tell: Tell) -> Subscription | None:
    """Subscribe to the offer of a model and wait until it is in force: its terms are accepted.

    One that is there or under way is used, so that none is made twice.

    Returns:
        The subscription, None where the model needs none.

    Raises:
        ConflictError: the one that is there is suspended or has ended.
        RemoteError: the purchase is refused, or Azure can't be reached.
    """
    there = find(connection, address)
    if there is None or there.status == "failed":
        name = there.name if there else _name_for(connection, address)
        try:
            _put(connection, name, address, tell)
        except ConflictError:  # another is at it
            if find(connection, address) is None:
                raise
        except FmtuiError as error:
            words = said(error).lower()
            if "not required" in words:
                return None
            if re.search(r"eligib|payment|not available|not made available", words):
                raise RemoteError(error.message, hint=PAID) from error
            raise
    return settled(connection, address, tell)


def _put(connection: Connection, name: str, address: str, tell: Tell) -> None:
    from azure.ai.ml.entities import MarketplaceSubscription

    settings = connection.settings
    with translated(f"subscribe to the offer of {address}"):
        client = connection.workspace.marketplace_subscriptions._service_client
        poller = client.begin_create_or_update(
            settings.resource_group,
            settings.workspace,
            name,
            MarketplaceSubscription(name=name, model_id=address)._to_rest_object(),
        )
        wait(poller, f"Azure subscribes the workspace to the offer of {address}", tell)


def settled(connection: Connection, address: str, tell: Tell) -> Subscription | None:
    """The subscription for a model once it is in force, None where there is none.

    Raises what `check` raises, and RemoteError where it does not come in force.
    """
    began = time.monotonic()
    while (found := find(connection, address)) is not None and found.status == "creating":
        passed = time.monotonic() - began
        if passed > _FULFILMENT_SECONDS:
            raise RemoteError(
                f"the marketplace subscription {found.name} is still not in force",
                hint="It goes on without this program; try again in a while.",
            )
        tell(f"The publisher's offer comes in force ({passed:.0f} s)")
        time.sleep(_POLL_SECONDS)
    if found is not None:
        check(found)
    return found


def delete(connection: Connection, name: str, tell: Tell) -> None:
    """End a subscription: what serves its model no longer answers. Raises RemoteError."""
    settings = connection.settings
    with suppress(NotFoundError), translated(f"end the marketplace subscription {name}"):
        client = connection.workspace.marketplace_subscriptions._service_client
        poller = client.begin_delete(settings.resource_group, settings.workspace, name)
        wait(poller, f"Azure ends the marketplace subscription {name}", tell)


def is_wanted(error: FmtuiError) -> bool:
    """Whether something was refused because the workspace is not subscribed to an offer."""
    words = said(error).lower()
    return "marketplace" in words and "subscri" in words


def said(error: FmtuiError) -> str:
    """All that the service said of an error, its code and details among it."""
    cause: Any = error.__cause__
    text = f"{error.message} {cause or ''}"
    with suppress(Exception):  # not every error has an answer that was read
        text += cause.response.text()
    return text


def _name_for(connection: Connection, address: str) -> str:
    """The name for a model's subscription: always the same, so that trying again makes no other."""
    registry, model = address.split("/")[-3], address.split("/")[-1]
    name = re.sub(r"[^A-Za-z0-9-]+", "-", model).strip("-")
    if any(s.name.lower() == name.lower() for s in listed(connection)):  # for another registry's
        name = re.sub(r"[^A-Za-z0-9-]+", "-", f"{registry}-{model}").strip("-")
    return name[:255]


def _of(found: Any) -> Subscription:
    properties = found.properties
    # Of a status that is not known here the service decides, when an endpoint is asked for.
    status = _STATUS.get(value_of(properties.marketplace_subscription_status), "active")
    plan = properties.marketplace_plan
    return Subscription(
        str(found.name),
        _VERSION.sub("", str(properties.model_id or "")),
        _PROVISIONING.get(value_of(properties.provisioning_state), status),
        publisher=value_of(getattr(plan, "publisher_id", None)),
        offer=value_of(getattr(plan, "offer_id", None)),
        plan=value_of(getattr(plan, "plan_id", None)),
        created=value_of(getattr(found.system_data, "created_at", None)),
    )
