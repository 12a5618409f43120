"""Managed online endpoints: created, read, given traffic, deleted; their keys."""

from __future__ import annotations

import uuid

from tests.azure.standin.arm import BASE, PROVIDER, begin, page, router, system_data
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.world import DOMAIN, LOCATION, TENANT, Endpoint, World


def find(world: World, name: str) -> Endpoint:
    if name.lower() not in world.online:
        raise not_found("online endpoint", name)
    return world.online[name.lower()]


def _fresh(world: World, name: str, asked: Json) -> Json:
    properties = asked["properties"]
    address = f"https://{name}.inference.{DOMAIN}"
    return {
        "id": f"{BASE}/onlineEndpoints/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/onlineEndpoints",
        "location": asked.get("location") or LOCATION,
        "kind": "Managed",
        "tags": asked.get("tags") or {},
        "systemData": system_data(world),
        "identity": {
            "type": "SystemAssigned",
            "principalId": str(uuid.uuid4()),
            "tenantId": TENANT,
        },
        "properties": {
            "authMode": properties.get("authMode", "Key"),
            "description": properties.get("description"),
            "properties": properties.get("properties") or {},
            "publicNetworkAccess": properties.get("publicNetworkAccess") or "Enabled",
            "traffic": {},
            "mirrorTraffic": {},
            "compute": None,
            "scoringUri": f"{address}/score",
            "swaggerUri": f"{address}/swagger.json",
            "provisioningState": "Creating",
        },
    }


@router.on("GET", f"{BASE}/onlineEndpoints")
def list_endpoints(world: World, request: Request) -> Answer:
    return page(request, [endpoint.body for endpoint in world.online.values()])


@router.on("GET", f"{BASE}/onlineEndpoints/{{name}}")
def get_endpoint(world: World, request: Request, name: str) -> Answer:
    return Answer(200, find(world, name).body)


@router.on("PUT", f"{BASE}/onlineEndpoints/{{name}}")
def put_endpoint(world: World, request: Request, name: str) -> Answer:
    asked, known = request.json, world.online.get(name.lower())
    if known is None:
        endpoint = Endpoint(_fresh(world, name, asked))
        endpoint.keys = {f"{which}Key": uuid.uuid4().hex * 2 for which in ("primary", "secondary")}
        world.online[name.lower()] = endpoint
    else:
        endpoint = known
        if endpoint.body["properties"]["provisioningState"] in ("Creating", "Deleting"):
            raise RefusalError(409, "Conflict", f"Endpoint {name} is busy with another operation.")
        _check_traffic(endpoint, asked["properties"])
        for key in ("traffic", "mirrorTraffic", "description"):
            if asked["properties"].get(key) is not None:
                endpoint.body["properties"][key] = asked["properties"][key]
        endpoint.body["tags"] = asked.get("tags") or endpoint.body["tags"]
        endpoint.body["properties"]["provisioningState"] = "Updating"

    def finish() -> None:
        endpoint.body["properties"]["provisioningState"] = "Succeeded"

    headers = begin(world, finish=finish)
    return Answer(200 if known else 201, endpoint.body, headers=headers)


def _check_traffic(endpoint: Endpoint, properties: Json) -> None:
    traffic = properties.get("traffic") or {}
    for name, share in (traffic | (properties.get("mirrorTraffic") or {})).items():
        if name not in endpoint.deployments:
            raise RefusalError(
                400, "BadArgument", f"Deployment {name} in the traffic map does not exist."
            )
        state = endpoint.deployments[name]["properties"]["provisioningState"]
        if share and state != "Succeeded":
            raise RefusalError(400, "BadArgument", f"Deployment {name} is in the state {state}.")
    if traffic and sum(traffic.values()) not in (0, 100):
        raise RefusalError(400, "BadArgument", "The sum of the traffic must be 0 or 100.")
    if sum((properties.get("mirrorTraffic") or {}).values()) > 50:
        raise RefusalError(400, "BadArgument", "Mirror traffic must not be more than 50 percent.")


@router.on("DELETE", f"{BASE}/onlineEndpoints/{{name}}")
def delete_endpoint(world: World, request: Request, name: str) -> Answer:
    if name.lower() not in world.online:
        return Answer(204)
    endpoint = find(world, name)
    endpoint.body["properties"]["provisioningState"] = "Deleting"

    def finish() -> None:
        world.online.pop(name.lower(), None)

    return Answer(202, headers=begin(world, finish=finish))


@router.on("POST", f"{BASE}/onlineEndpoints/{{name}}/listKeys")
def list_keys(world: World, request: Request, name: str) -> Answer:
    return Answer(200, dict(find(world, name).keys))


@router.on("POST", f"{BASE}/onlineEndpoints/{{name}}/regenerateKeys")
def regenerate_keys(world: World, request: Request, name: str) -> Answer:
    which = request.json["keyType"]
    endpoint = find(world, name)

    def finish() -> None:
        endpoint.keys[f"{which.lower()}Key"] = uuid.uuid4().hex * 2

    return Answer(202, headers=begin(world, finish=finish))


@router.on("POST", f"{BASE}/onlineEndpoints/{{name}}/token")
def get_token(world: World, request: Request, name: str) -> Answer:
    endpoint, now = find(world, name), int(world.now())
    endpoint.keys["token"] = uuid.uuid4().hex
    return Answer(
        200,
        {
            "accessToken": endpoint.keys["token"],
            "expiryTimeUtc": now + 3600,
            "refreshAfterTimeUtc": now + 1800,
            "tokenType": "Bearer",
        },
    )
