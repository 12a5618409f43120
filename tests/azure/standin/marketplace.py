"""The Azure Marketplace: offers that publishers sell, and the workspace's subscriptions to them."""

from __future__ import annotations

from typing import Any

from tests.azure.standin.arm import BASE, begin, page, resource, router
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.world import Offer, World


def status_of(world: World, model: str) -> str | None:
    """The state of the best subscription for a model, None where there is none."""
    found = [_shown(world, body)["properties"] for body in world.subscriptions.values()]
    states = [
        p["marketplaceSubscriptionStatus"] for p in found if p["modelId"].lower() == model.lower()
    ]
    return "Subscribed" if "Subscribed" in states else next(iter(states), None)


def require(world: World, model: str) -> str | None:
    """The address of the subscription that lets a model be served; None where none is needed.

    Raises what the service answers where the workspace is not subscribed.
    """
    if model.lower() not in world.offers:
        return None
    if status_of(world, model) != "Subscribed":
        raise RefusalError(
            400,
            "UserError",
            f"The model {model} needs an active Marketplace subscription in this workspace.",
        )
    return next(
        str(body["id"])
        for body in world.subscriptions.values()
        if body["properties"]["modelId"].lower() == model.lower()
    )


def _shown(world: World, body: Json) -> Json:
    """A subscription as it is now: the publisher takes a while to fulfil it."""
    properties: dict[str, Any] = body["properties"]
    pending = properties["marketplaceSubscriptionStatus"] == "PendingFulfillmentStart"
    due = world.fulfilled.get(str(body["name"]).lower())
    if pending and due is not None and due <= world.now():
        properties["marketplaceSubscriptionStatus"] = "Subscribed"
    return body


def _find(world: World, name: str) -> Json:
    if name.lower() not in world.subscriptions:
        raise not_found("marketplace subscription", name)
    return _shown(world, world.subscriptions[name.lower()])


@router.on("GET", f"{BASE}/marketplaceSubscriptions")
def list_subscriptions(world: World, request: Request) -> Answer:
    return page(request, [_shown(world, body) for body in world.subscriptions.values()], size=2)


@router.on("GET", f"{BASE}/marketplaceSubscriptions/{{name}}")
def get_subscription(world: World, request: Request, name: str) -> Answer:
    return Answer(200, _find(world, name))


@router.on("PUT", f"{BASE}/marketplaceSubscriptions/{{name}}")
def put_subscription(world: World, request: Request, name: str) -> Answer:
    model = str(request.json["properties"]["modelId"])
    offer = world.offers.get(model.lower())
    if offer is None:
        message = f"Marketplace plan is not required for ModelId {model}"
        raise RefusalError(400, "UserError", message)
    if world.no_purchase is not None:
        message = "Marketplace Subscription purchase eligibility check failed, error message"
        raise RefusalError(400, "UserError", f"{message} [{world.no_purchase}].")
    there = world.subscriptions.get(name.lower())
    if there is not None and there["properties"]["provisioningState"] == "Creating":
        message = f"Another operation is already running on {name}."
        raise RefusalError(409, "Conflict", message)
    if there is not None and there["properties"]["modelId"].lower() != model.lower():
        raise RefusalError(400, "UserError", f"The model of {name} can't be changed.")
    if there is not None and there["properties"]["provisioningState"] == "Succeeded":
        return Answer(200, _shown(world, there))
    body: Json = _new(world, name, model, offer)
    world.subscriptions[name.lower()] = body

    def finish() -> None:
        body["properties"]["provisioningState"] = "Succeeded"
        world.fulfilled[name.lower()] = world.now() + world.fulfilment

    return Answer(201, body, headers=begin(world, finish=finish))


def _new(world: World, name: str, model: str, offer: Offer | None) -> Json:
    plan = None
    if offer is not None:
        plan = {"publisherId": offer.publisher, "offerId": offer.offer, "planId": offer.plan}
    properties = {
        "modelId": model,
        "marketplacePlan": plan,
        "marketplaceSubscriptionStatus": "PendingFulfillmentStart",
        "provisioningState": "Creating",
    }
    return resource(
        world, f"marketplaceSubscriptions/{name}", "marketplaceSubscriptions", properties
    )


def subscribe(
    world: World, name: str, model: str, status: str = "Subscribed", *, state: str = "Succeeded"
) -> None:
    """A subscription as somebody made it in the workspace, which may have no plan (any more)."""
    body = _new(world, name, model, world.offers.get(model.lower()))
    body["properties"] |= {"marketplaceSubscriptionStatus": status, "provisioningState": state}
    world.subscriptions[name.lower()] = body


@router.on("DELETE", f"{BASE}/marketplaceSubscriptions/{{name}}")
def delete_subscription(world: World, request: Request, name: str) -> Answer:
    if name.lower() not in world.subscriptions:
        return Answer(204)

    def finish() -> None:
        gone = world.subscriptions.pop(name.lower(), None)
        for endpoint in world.serverless.values() if gone else ():
            properties = endpoint.body["properties"]
            if properties.get("marketplaceSubscriptionId") == gone["id"]:
                properties["endpointState"] = "Suspended"

    headers = begin(world, finish=finish)
    return Answer(
        202, headers={key: headers[key] for key in headers if key != "Azure-AsyncOperation"}
    )
