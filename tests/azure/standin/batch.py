"""Batch endpoints: a deployment over a folder or a file, and the job that scores it."""

from __future__ import annotations

import uuid

from tests.azure.standin import outputs
from tests.azure.standin.arm import BASE, PROVIDER, begin, page, router, system_data
from tests.azure.standin.http import Answer, Json, RefusalError, Request, not_found
from tests.azure.standin.jobs import _check_asset, _scheduled, output_uri
from tests.azure.standin.world import API, LOCATION, Endpoint, World


def _find(world: World, name: str) -> Endpoint:
    if name.lower() not in world.batch:
        raise not_found("batch endpoint", name)
    return world.batch[name.lower()]


def _envelope(world: World, path: str, kind: str, asked: Json, properties: Json) -> Json:
    return {
        "id": f"{BASE}/{path}",
        "name": path.rpartition("/")[2],
        "type": f"{PROVIDER}/workspaces/{kind}",
        "location": asked.get("location") or LOCATION,
        "tags": asked.get("tags") or {},
        "systemData": system_data(world),
        "properties": properties,
    }


@router.on("GET", f"{BASE}/batchEndpoints")
def list_endpoints(world: World, request: Request) -> Answer:
    return page(request, [endpoint.body for endpoint in world.batch.values()])


@router.on("GET", f"{BASE}/batchEndpoints/{{name}}")
def get_endpoint(world: World, request: Request, name: str) -> Answer:
    return Answer(200, _find(world, name).body)


@router.on("PUT", f"{BASE}/batchEndpoints/{{name}}")
def put_endpoint(world: World, request: Request, name: str) -> Answer:
    asked, known = request.json, world.batch.get(name.lower())
    if known is None:
        properties = {
            "authMode": "AADToken",
            "description": asked["properties"].get("description"),
            "properties": {},
            "scoringUri": f"{API}/batch/{name}/jobs",
            "swaggerUri": f"{API}/batch/{name}/swagger.json",
            "defaults": None,
            "provisioningState": "Creating",
        }
        path = f"batchEndpoints/{name}"
        known = Endpoint(_envelope(world, path, "batchEndpoints", asked, properties))
        world.batch[name.lower()] = known
        status = 201
    else:
        known.body["properties"]["defaults"] = asked["properties"].get("defaults")
        status = 200
    endpoint = known

    def finish() -> None:
        endpoint.body["properties"]["provisioningState"] = "Succeeded"

    return Answer(status, endpoint.body, headers=begin(world, finish=finish))


@router.on("DELETE", f"{BASE}/batchEndpoints/{{name}}")
def delete_endpoint(world: World, request: Request, name: str) -> Answer:
    if name.lower() not in world.batch:
        return Answer(204)

    def finish() -> None:
        world.batch.pop(name.lower(), None)

    return Answer(202, headers=begin(world, finish=finish))


@router.on("GET", f"{BASE}/batchEndpoints/{{name}}/deployments")
def list_deployments(world: World, request: Request, name: str) -> Answer:
    return page(request, list(_find(world, name).deployments.values()))


@router.on("GET", f"{BASE}/batchEndpoints/{{name}}/deployments/{{deployment}}")
def get_deployment(world: World, request: Request, name: str, deployment: str) -> Answer:
    owner = _find(world, name)
    if deployment not in owner.deployments:
        raise not_found("deployment", deployment)
    return Answer(200, owner.deployments[deployment])


@router.on("PUT", f"{BASE}/batchEndpoints/{{name}}/deployments/{{deployment}}")
def put_deployment(world: World, request: Request, name: str, deployment: str) -> Answer:
    owner, asked = _find(world, name), request.json
    compute = str(asked["properties"].get("compute") or "").rpartition("/")[2]
    if compute not in world.computes:
        raise not_found("compute", compute)
    _check_asset(world, str((asked["properties"].get("model") or {}).get("assetId")))
    known = deployment in owner.deployments
    properties = {
        "description": None, "properties": {}, "environmentVariables": {}, "environmentId": None,
        "codeConfiguration": None, "errorThreshold": -1, "maxConcurrencyPerInstance": 1,
        "miniBatchSize": 10, "outputAction": "AppendRow", "outputFileName": "predictions.csv",
        "loggingLevel": "Info", "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
        **{k: v for k, v in asked["properties"].items() if v is not None},
        "provisioningState": "Creating",
    }  # fmt: skip
    path = f"batchEndpoints/{name}/deployments/{deployment}"
    body = _envelope(world, path, "batchEndpoints/deployments", asked, properties)
    owner.deployments[deployment] = body

    def finish() -> None:
        body["properties"]["provisioningState"] = "Succeeded"

    return Answer(200 if known else 201, body, headers=begin(world, finish=finish))


@router.on("DELETE", f"{BASE}/batchEndpoints/{{name}}/deployments/{{deployment}}")
def delete_deployment(world: World, request: Request, name: str, deployment: str) -> Answer:
    owner = _find(world, name)
    if owner.deployments.pop(deployment, None) is None:
        return Answer(204)
    return Answer(202, headers=begin(world, finish=lambda: None))


@router.on("POST", "/batch/{name}/jobs")
def invoke(world: World, request: Request, name: str) -> Answer:
    owner = _find(world, name)
    named = request.headers.get("azureml-model-deployment")
    default = (owner.body["properties"]["defaults"] or {}).get("deploymentName")
    deployment = named or default
    if deployment not in owner.deployments:
        raise RefusalError(
            400, "BadArgument", "No deployment is named, and there is no default one."
        )
    asked = request.json["properties"]
    if not asked.get("inputData") and not asked.get("InputData"):
        raise RefusalError(400, "BadArgument", "There is no input data.")
    number = str(asked.get("name") or uuid.uuid4())
    if number in world.jobs:
        raise RefusalError(409, "Conflict", f"A job with this name already exists: {number}")
    for value in (asked.get("inputData") or {}).values():
        _check_asset(world, str(value.get("uri", "")))
    body = {
        "jobType": "Pipeline",
        "displayName": f"{name}-{deployment}",
        "experimentName": (asked.get("properties") or {}).get("experimentName") or name,
        "jobs": {"batchscoring": {"componentId": "batch", "type": "command"}},
        "outputs": {},
        "tags": {"azureml.batchrun": "true"},
        "properties": {"azureml.endpoint": name, "azureml.deploymentname": deployment},
    }
    job = world.jobs[number] = _scheduled(world, number, body)
    job.leave = lambda: outputs.answer(world, job, asked.get("inputData") or {})
    return Answer(
        201,
        {
            "id": f"{BASE}/batchEndpoints/{name}/jobs/{number}",
            "name": number,
            "type": f"{PROVIDER}/workspaces/batchEndpoints/jobs",
            "properties": {
                "name": number,
                "status": "Preparing",
                "inputData": asked.get("inputData") or asked.get("InputData"),
                "outputData": {"score": {"jobOutputType": "UriFolder",
                                         "uri": output_uri(number, "score")}},
                "tags": {}, "properties": {}, "interactionEndpoints": {},
            },
            "systemData": system_data(world),
        },
    )  # fmt: skip
