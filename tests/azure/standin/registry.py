"""A registry: where it is, its models version by version, its components."""

from __future__ import annotations

from typing import Any

from tests.azure.standin.arm import PROVIDER, page, router, system_data
from tests.azure.standin.http import Answer, Json, Request, not_found
from tests.azure.standin.world import (
    LOCATION,
    REGISTRY,
    REGISTRY_GROUP,
    REGISTRY_SUBSCRIPTION,
    Asset,
    World,
)

ROOT = (
    f"/subscriptions/{REGISTRY_SUBSCRIPTION}/resourceGroups/{REGISTRY_GROUP}"
    f"/providers/{PROVIDER}/registries"
)
PLANE = f"/mferp/managementfrontend{ROOT}"


def put(world: World, registry: str, kind: str, name: str, version: str, properties: Json) -> Json:
    """Publish a version of a model, component or environment."""
    shelf = world.registry(registry)[kind]
    asset = shelf.setdefault(name, Asset(name, created=world.stamp()))
    body = {
        "id": f"azureml://registries/{registry}/{kind}/{name}/versions/{version}",
        "name": version,
        "type": f"{PROVIDER}/registries/{kind}/versions",
        "systemData": system_data(world),
        "properties": {
            "description": None, "tags": {}, "properties": {}, "isArchived": False,
            "isAnonymous": False, "provisioningState": "Succeeded", **properties,
        },
    }  # fmt: skip
    asset.versions[version] = body
    return body


def put_model(
    world: World,
    name: str,
    version: str = "1",
    *,
    registry: str = "azureml",
    description: str | None = None,
    tags: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
    system_metadata: dict[str, Any] | None = None,
) -> None:
    """Publish a model as the catalogue has them."""
    where = f"azureml://registries/{registry}/models/{name}/versions/{version}"
    body: Json = {
        "description": description, "tags": tags or {}, "properties": properties or {},
        "modelType": "mlflow_model", "modelUri": f"{where}/paths/mlflow_model_folder",
        "flavors": {"python_function": {"data": {"loader_module": "mlflow.transformers"}}},
        "jobName": None, "stage": None,
    }  # fmt: skip
    if system_metadata is not None:
        body["systemMetadata"] = system_metadata
    put(world, registry, "models", name, version, body)


def _find(world: World, registry: str, kind: str, name: str, version: str | None = None) -> Asset:
    if registry not in world.registries:
        raise not_found("registry", registry)
    asset = world.registries[registry].get(kind, {}).get(name)
    if asset is None or (version is not None and version not in asset.versions):
        raise not_found(kind, f"{name}:{version}" if version else name)
    return asset


@router.on("GET", "/registrymanagement/v1.0/registries/{registry}/discovery")
def discovery(world: World, request: Request, registry: str) -> Answer:
    if registry not in world.registries:
        raise not_found("registry", registry)
    return Answer(
        200,
        {
            "registryName": registry,
            "primaryRegionResourceProviderUri": f"{REGISTRY}/",
            "resourceGroup": REGISTRY_GROUP,
            "subscriptionId": REGISTRY_SUBSCRIPTION,
            "primaryRegion": LOCATION,
            "regions": [LOCATION],
            "tags": {},
        },
    )


@router.on("GET", f"{PLANE}/{{registry}}/{{kind}}")
def list_containers(world: World, request: Request, registry: str, kind: str) -> Answer:
    if registry not in world.registries:
        raise not_found("registry", registry)
    found = [
        {
            "id": f"azureml://registries/{registry}/{kind}/{asset.name}",
            "name": asset.name,
            "type": f"{PROVIDER}/registries/{kind}",
            "systemData": system_data(world),
            "properties": {
                "description": None, "tags": {}, "properties": {}, "isArchived": False,
                "latestVersion": asset.latest, "provisioningState": "Succeeded",
            },
        }
        for asset in world.registries[registry].get(kind, {}).values()
    ]  # fmt: skip
    return page(request, found, size=100)


@router.on("GET", f"{PLANE}/{{registry}}/{{kind}}/{{name}}/versions")
def list_versions(world: World, request: Request, registry: str, kind: str, name: str) -> Answer:
    versions = list(_find(world, registry, kind, name).versions.values())[::-1]
    top = int(request.query.get("$top", len(versions)))
    return page(request, versions[:top])


@router.on("GET", f"{PLANE}/{{registry}}/{{kind}}/{{name}}/versions/{{version}}")
def get_version(
    world: World, request: Request, registry: str, kind: str, name: str, version: str
) -> Answer:
    return Answer(200, _find(world, registry, kind, name, version).versions[version])


@router.on("GET", f"{PLANE}/{{registry}}/{{kind}}/{{name}}/labels/{{label}}")
def get_label(
    world: World, request: Request, registry: str, kind: str, name: str, label: str
) -> Answer:
    asset = _find(world, registry, kind, name)
    return Answer(200, asset.versions[asset.latest])
