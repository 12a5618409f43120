"""Serverless endpoints: pay by token, for the models that offer them."""

from __future__ import annotations

import re
import uuid

from tests.azure.standin import marketplace
from tests.azure.standin.arm import BASE, PROVIDER, begin, page, router, system_data
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.world import DOMAIN, LOCATION, Endpoint, World


def _find(world: World, name: str) -> Endpoint:
    if name.lower() not in world.serverless:
        raise not_found("serverless endpoint", name)
    return world.serverless[name.lower()]


@router.on("GET", f"{BASE}/serverlessEndpoints")
def list_endpoints(world: World, request: Request) -> Answer:
    return page(request, [endpoint.body for endpoint in world.serverless.values()])


@router.on("GET", f"{BASE}/serverlessEndpoints/{{name}}")
def get_endpoint(world: World, request: Request, name: str) -> Answer:
    return Answer(200, _find(world, name).body)


@router.on("PUT", f"{BASE}/serverlessEndpoints/{{name}}")
def put_endpoint(world: World, request: Request, name: str) -> Answer:
    asked = request.json
    model = str(asked["properties"]["modelSettings"]["modelId"])
    match = re.fullmatch(r"azureml://registries/([^/]+)/models/([^/]+)", model)
    asset = world.registry(match[1])["models"].get(match[2]) if match else None
    if asset is None:
        raise not_found("model", model)
    tags = asset.versions[asset.latest]["properties"]["tags"]
    if "maas-inference" not in tags:
        raise RefusalError(400, "BadRequest", f"The model {model} is not offered as serverless.")
    error = None
    try:
        subscription = marketplace.require(world, model)
    except RefusalError as refusal:
        if not world.refuses_late:
            raise
        subscription, error = None, {"code": refusal.code, "message": refusal.message}
    body: Json = {
        "id": f"{BASE}/serverlessEndpoints/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/serverlessEndpoints",
        "location": asked.get("location") or LOCATION,
        "tags": asked.get("tags") or {},
        "sku": {"name": "Consumption"},
        "systemData": system_data(world),
        "properties": {
            "authMode": "Key",
            "modelSettings": {"modelId": model},
            "marketplaceSubscriptionId": subscription,
            "inferenceEndpoint": {"uri": f"https://{name}.inference.{DOMAIN}", "headers": {}},
            "provisioningState": "Creating",
            "endpointState": "Online",
        },
    }
    known = name.lower() in world.serverless
    keys = {f"{which}Key": uuid.uuid4().hex for which in ("primary", "secondary")}
    world.serverless[name.lower()] = Endpoint(body, keys=keys)

    def finish() -> None:
        state = "Failed" if error else "Succeeded"
        body["properties"]["provisioningState"] = state

    headers = begin(world, finish=finish, error=error)
    return Answer(200 if known else 201, body, headers=headers)


@router.on("DELETE", f"{BASE}/serverlessEndpoints/{{name}}")
def delete_endpoint(world: World, request: Request, name: str) -> Answer:
    if name.lower() not in world.serverless:
        return Answer(204)

    def finish() -> None:
        world.serverless.pop(name.lower(), None)

    return Answer(202, headers=begin(world, finish=finish))


@router.on("POST", f"{BASE}/serverlessEndpoints/{{name}}/listKeys")
def list_keys(world: World, request: Request, name: str) -> Answer:
    return Answer(200, dict(_find(world, name).keys))


@router.on("POST", f"{BASE}/serverlessEndpoints/{{name}}/regenerateKeys")
def regenerate_keys(world: World, request: Request, name: str) -> Answer:
    which = str(request.json["keyType"]).lower()
    endpoint = _find(world, name)

    def finish() -> None:
        endpoint.keys[f"{which}Key"] = uuid.uuid4().hex

    return Answer(202, headers=begin(world, finish=finish))
