"""What lies in the workspace: models, data, environments, code, components."""

from __future__ import annotations

import re

from tests.azure.standin.arm import BASE, page, resource, router
from tests.azure.standin.http import Answer, Json, Request, not_found
from tests.azure.standin.workspace import container_sas
from tests.azure.standin.world import DOMAIN, Asset, World

KINDS = ("models", "data", "environments", "codes", "components")


def put(world: World, kind: str, name: str, version: str, properties: Json) -> Json:
    """Register a version; the defaults that the server fills are filled."""
    shelf = world.assets.setdefault(kind, {})
    if kind == "models":
        properties = {**properties, "modelUri": _resolved(str(properties.get("modelUri")))}
    asset = shelf.setdefault(name, Asset(name, created=world.stamp()))
    filled = {
        "description": None, "tags": {}, "properties": {}, "isArchived": False,
        "isAnonymous": False, "provisioningState": "Succeeded", **_defaults(kind),
    } | {k: v for k, v in properties.items() if v is not None}  # fmt: skip
    filled["properties"] = {k: str(v) for k, v in filled["properties"].items()}
    body = resource(world, f"{kind}/{name}/versions/{version}", f"{kind}/versions", filled)
    asset.versions[version] = body
    return body


def _resolved(uri: str) -> str:
    """Where a model lies: an output of a job stands for its folder on the datastore."""
    match = re.fullmatch(r"azureml://jobs/([^/]+)/outputs/([^/]+)/?", uri)
    if match is None:
        return uri
    store = f"azureml:/{BASE}/datastores/workspaceblobstore/paths"
    return f"{store}/azureml/{match[1]}/{match[2]}/"


def _defaults(kind: str) -> Json:
    if kind == "models":
        return {"flavors": {}, "jobName": None, "stage": None, "modelType": "custom_model"}
    if kind == "data":
        return {"dataType": "uri_file"}
    return {}


def container(world: World, kind: str, asset: Asset) -> Json:
    return resource(
        world,
        f"{kind}/{asset.name}",
        kind,
        {
            "description": None, "tags": {}, "properties": {}, "isArchived": False,
            "latestVersion": asset.latest, "nextVersion": str(len(asset.versions) + 1),
            "provisioningState": "Succeeded",
        },
    )  # fmt: skip


def find(world: World, kind: str, name: str, version: str | None = None) -> Asset:
    asset = world.assets.get(kind, {}).get(name)
    if asset is None or (version is not None and version not in asset.versions):
        raise not_found(kind, f"{name}:{version}" if version else name)
    return asset


@router.on("POST", f"{BASE}/codes/{{name}}/versions/{{version}}/startPendingUpload")
def start_upload(world: World, request: Request, name: str, version: str) -> Answer:
    """Where code is uploaded to, with a signature that opens the container for a while."""
    from tests.azure.standin.outputs import new_container

    own = f"code-{name}"
    new_container(world, own)
    container = f"https://{world.account}.blob.core.{DOMAIN}/{own}"
    return Answer(
        200,
        {
            "blobReferenceForConsumption": {
                "blobUri": container,
                "storageAccountArmId": f"{BASE}/storage",
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": f"{container}?{container_sas(world, own)}",
                },
            },
            "pendingUploadId": f"{name}-{version}",
            "pendingUploadType": "TemporaryBlobReference",
        },
    )


for _kind in KINDS:

    def _routes(kind: str = _kind) -> None:
        @router.on("GET", f"{BASE}/{kind}")
        def list_containers(world: World, request: Request) -> Answer:
            found = world.assets.get(kind, {}).values()
            return page(request, [container(world, kind, asset) for asset in found])

        @router.on("GET", f"{BASE}/{kind}/{{name}}")
        def get_container(world: World, request: Request, name: str) -> Answer:
            return Answer(200, container(world, kind, find(world, kind, name)))

        @router.on("GET", f"{BASE}/{kind}/{{name}}/versions")
        def list_versions(world: World, request: Request, name: str) -> Answer:
            if "hash" in request.query:  # is there one of the same content? None is no fault
                return page(request, [])
            versions = list(find(world, kind, name).versions.values())[::-1]
            top = int(request.query.get("$top", len(versions)))
            return page(request, versions[:top])

        @router.on("GET", f"{BASE}/{kind}/{{name}}/versions/{{version}}")
        def get_version(world: World, request: Request, name: str, version: str) -> Answer:
            return Answer(200, find(world, kind, name, version).versions[version])

        @router.on("PUT", f"{BASE}/{kind}/{{name}}/versions/{{version}}")
        def put_version(world: World, request: Request, name: str, version: str) -> Answer:
            known = world.assets.get(kind, {}).get(name)
            new = known is None or version not in known.versions
            body = put(world, kind, name, version, request.json["properties"])
            return Answer(201 if new else 200, body)

    _routes()
