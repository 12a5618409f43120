"""Deployments of online endpoints: quota and region are checked, they come up or they fail."""

from __future__ import annotations

from tests.azure.standin.arm import BASE, PROVIDER, begin, page, router, system_data
from tests.azure.standin.endpoints import find
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.jobs import _check_asset
from tests.azure.standin.workspace import SIZES, family_of
from tests.azure.standin.world import LOCATION, World

_INIT = "Downloading the model from the store.\nThe model was downloaded.\n"
_SERVER = "azureml-inference-server-http starts\nScoring script loaded.\nListening on port 5001\n"


def _rest(world: World, endpoint: str, name: str, asked: Json) -> Json:
    properties = {k: v for k, v in asked["properties"].items() if v is not None}
    probe = {
        "failureThreshold": 30, "initialDelay": "PT10S", "period": "PT10S",
        "successThreshold": 1, "timeout": "PT2S",
    }  # fmt: skip
    return {
        "id": f"{BASE}/onlineEndpoints/{endpoint}/deployments/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/onlineEndpoints/deployments",
        "location": asked.get("location") or LOCATION,
        "kind": "Managed",
        "tags": asked.get("tags") or {},
        "sku": {"name": "Default", "capacity": (asked.get("sku") or {}).get("capacity") or 1},
        "systemData": system_data(world),
        "properties": {
            "description": None,
            "properties": {},
            "environmentVariables": {},
            "environmentId": None,
            "codeConfiguration": None,
            "model": None,
            "modelMountPath": None,
            "appInsightsEnabled": False,
            "egressPublicNetworkAccess": "Enabled",
            "scaleSettings": {"scaleType": "Default"},
            "requestSettings": {
                "maxConcurrentRequestsPerInstance": 1,
                "requestTimeout": "PT5S",
                "maxQueueWait": "PT0.5S",
            },
            "livenessProbe": dict(probe),
            "readinessProbe": dict(probe),
            **properties,
            "endpointComputeType": "Managed",
            "provisioningState": "Creating",
        },
    }


@router.on("GET", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments")
def list_deployments(world: World, request: Request, endpoint: str) -> Answer:
    return page(request, list(find(world, endpoint).deployments.values()))


@router.on("GET", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments/{{name}}")
def get_deployment(world: World, request: Request, endpoint: str, name: str) -> Answer:
    owner = find(world, endpoint)
    if name not in owner.deployments:
        raise not_found("deployment", name)
    return Answer(200, owner.deployments[name])


@router.on("PUT", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments/{{name}}")
def put_deployment(world: World, request: Request, endpoint: str, name: str) -> Answer:
    owner, asked = find(world, endpoint), request.json
    if owner.body["properties"]["provisioningState"] == "Deleting":
        raise RefusalError(409, "Conflict", f"Endpoint {endpoint} is being deleted.")
    size = asked["properties"].get("instanceType") or ""
    _check_size(world, endpoint, name, size, (asked.get("sku") or {}).get("capacity") or 1)
    model = asked["properties"].get("model")
    _check_asset(world, str(model))
    known = name in owner.deployments
    body = _rest(world, endpoint, name, asked)
    body["properties"]["provisioningState"] = "Updating" if known else "Creating"
    owner.deployments[name] = body
    trace = next((t for part, t in world.failing_models.items() if part in str(model)), None)
    owner.logs[name] = {"StorageInitializer": _INIT, "InferenceServer": trace or _SERVER}

    def finish() -> None:
        body["properties"]["provisioningState"] = "Failed" if trace else "Succeeded"

    error = None
    if trace:
        error = {
            "code": "BadArgument",
            "message": "User container has crashed or terminated. Please see troubleshooting "
            "guide, available here: https://aka.ms/oe-tsg#error-resourcenotready",
        }
    headers = begin(world, finish=finish, error=error, stages=3)
    return Answer(200 if known else 201, body, headers=headers)


def _check_size(world: World, endpoint: str, name: str, size: str, count: int) -> None:
    if size not in SIZES or size in world.unavailable:
        raise RefusalError(
            400, "BadArgument", f"The instance type {size} is not supported in this region."
        )
    family = family_of(size)
    used = sum(
        SIZES[d["properties"]["instanceType"]][0] * d["sku"]["capacity"]
        for e in world.online.values()
        for key, d in e.deployments.items()
        if family_of(d["properties"]["instanceType"]) == family
        and d["id"].lower() != f"{BASE}/onlineEndpoints/{endpoint}/deployments/{name}".lower()
    )
    # A fifth more is kept in hand for upgrades, as the service does.
    wanted = used + SIZES[size][0] * count * 1.2
    if wanted > world.quota.get(family, 1000):
        raise RefusalError(
            400,
            "OutOfQuota",
            f"Not enough quota available for {size} in SubscriptionId. Current usage/limit: "
            f"{used}/{world.quota[family]}. Additional needed: {SIZES[size][0] * count} "
            "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-outofquota",
        )


@router.on("PATCH", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments/{{name}}")
def patch_deployment(world: World, request: Request, endpoint: str, name: str) -> Answer:
    owner = find(world, endpoint)
    if name not in owner.deployments:
        raise not_found("deployment", name)
    body = owner.deployments[name]
    count = (request.json.get("sku") or {}).get("capacity")
    if count:
        body["sku"]["capacity"] = count
    body["properties"]["provisioningState"] = "Updating"

    def finish() -> None:
        body["properties"]["provisioningState"] = "Succeeded"

    return Answer(202, headers=begin(world, finish=finish))


@router.on("DELETE", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments/{{name}}")
def delete_deployment(world: World, request: Request, endpoint: str, name: str) -> Answer:
    owner = find(world, endpoint)
    if name not in owner.deployments:
        return Answer(204)
    if owner.body["properties"]["traffic"].get(name):
        raise RefusalError(
            400, "BadArgument", f"Cannot delete deployment {name} with non-zero traffic."
        )
    owner.deployments[name]["properties"]["provisioningState"] = "Deleting"

    def finish() -> None:
        owner.deployments.pop(name, None)

    return Answer(202, headers=begin(world, finish=finish))


@router.on("POST", f"{BASE}/onlineEndpoints/{{endpoint}}/deployments/{{name}}/getLogs")
def get_logs(world: World, request: Request, endpoint: str, name: str) -> Answer:
    owner = find(world, endpoint)
    if name not in owner.deployments:
        raise not_found("deployment", name)
    container = request.json.get("containerType") or "InferenceServer"
    lines = owner.logs[name][container].splitlines(keepends=True)
    tail = int(request.json.get("tail") or 200)
    return Answer(200, {"content": "".join(lines[-tail:])})
