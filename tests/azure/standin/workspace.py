"""The workspace, its datastore and its compute clusters."""

from __future__ import annotations

import datetime as dt

from tests.azure.standin.arm import BASE, PROVIDER, ROOT, page, resource, router, system_data
from tests.azure.standin.http import Answer, Json, Request, not_found
from tests.azure.standin.world import API, GROUP, LOCATION, SUBSCRIPTION, TENANT, WORKSPACE, World

CONTAINER = "azureml-blobstore"
STORE = "workspaceblobstore"


def workspace(world: World) -> Json:
    shared = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
    return {
        "id": BASE,
        "name": WORKSPACE,
        "type": f"{PROVIDER}/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "tags": {},
        "systemData": system_data(world),
        "identity": {
            "type": "SystemAssigned",
            "principalId": "77777777-aaaa-4bbb-8ccc-888888888888",
            "tenantId": TENANT,
        },
        "properties": {
            "friendlyName": WORKSPACE,
            "description": "models",
            "storageAccount": f"{shared}/Microsoft.Storage/storageAccounts/{world.account}",
            "keyVault": f"{shared}/Microsoft.KeyVault/vaults/kv",
            "applicationInsights": f"{shared}/Microsoft.Insights/components/ai",
            "hbiWorkspace": False,
            "provisioningState": "Succeeded",
            "v1LegacyMode": False,
            "publicNetworkAccess": "Enabled",
            "discoveryUrl": f"{API}/discovery",
            "mlFlowTrackingUri": f"azureml://{API.removeprefix('https://')}/mlflow/v1.0{BASE}",
            "workspaceId": "99999999-aaaa-4bbb-8ccc-000000000000",
            "enableDataIsolation": False,
        },
    }


@router.on("GET", f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/workspaces")
@router.on("GET", f"{ROOT}/workspaces")
def list_workspaces(world: World, request: Request) -> Answer:
    return page(request, [workspace(world)])


@router.on("GET", f"{ROOT}/workspaces/{{name}}")
def get_workspace(world: World, request: Request, name: str) -> Answer:
    if name.lower() != WORKSPACE:
        raise not_found("Resource", f"{PROVIDER}/workspaces/{name}")
    return Answer(200, workspace(world))


@router.on("GET", "/discovery")
@router.on("GET", "/discovery/workspaces/{number}")
def discovery(world: World, request: Request, number: str = "") -> Answer:
    parts = (
        "api",
        "catalog",
        "experimentation",
        "history",
        "hyperdrive",
        "labeling",
        "modelmanagement",
    )
    return Answer(200, dict.fromkeys(parts, API) | {"mlflow": API, "studio": API})


def datastore(world: World) -> Json:
    return resource(
        world,
        f"datastores/{STORE}",
        "datastores",
        {
            "datastoreType": "AzureBlob",
            "accountName": world.account,
            "containerName": CONTAINER,
            "endpoint": "core.standin.test",
            "protocol": "https",
            "isDefault": True,
            "description": None,
            "tags": {},
            "properties": {},
            "credentials": {"credentialsType": "AccountKey"},
            "serviceDataAccessAuthIdentity": "None",
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": GROUP,
        },
    )


@router.on("GET", f"{BASE}/datastores")
def list_datastores(world: World, request: Request) -> Answer:
    return page(request, [datastore(world)])


@router.on("GET", f"{BASE}/datastores/{{name}}")
def get_datastore(world: World, request: Request, name: str) -> Answer:
    if name != STORE:
        raise not_found("datastore", name)
    return Answer(200, datastore(world))


@router.on("POST", f"{BASE}/datastores/{{name}}/listSecrets")
def list_secrets(world: World, request: Request, name: str) -> Answer:
    if name != STORE:
        raise not_found("datastore", name)
    if world.store_read_only or (request.json or {}).get("expirableSecret"):
        return Answer(200, {"secretsType": "Sas", "sasToken": container_sas(world)})
    return Answer(200, {"secretsType": "AccountKey", "key": world.account_key})


def container_sas(world: World, container: str = CONTAINER) -> str:
    """A signature that opens a container of the workspace for a while."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    allowed = not world.store_read_only
    made = str(
        generate_container_sas(
            world.account,
            container,
            account_key=world.account_key,
            permission=ContainerSasPermissions(
                read=True, list=True, add=allowed, create=allowed, write=allowed
            ),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )
    )
    world.sas.append(made)
    return made


def add_cluster(world: World, name: str, size: str, *, nodes: int = 2) -> None:
    """A compute cluster, as somebody made it in the workspace."""
    world.computes[name] = {
        "id": f"{BASE}/computes/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/computes",
        "location": LOCATION,
        "tags": {},
        "systemData": system_data(world),
        "properties": {
            "computeType": "AmlCompute",
            "computeLocation": LOCATION,
            "provisioningState": "Succeeded",
            "createdOn": world.stamp(),
            "modifiedOn": world.stamp(),
            "isAttachedCompute": False,
            "disableLocalAuth": False,
            "properties": {
                "vmSize": size,
                "vmPriority": "Dedicated",
                "osType": "Linux",
                "isolatedNetwork": False,
                "scaleSettings": {
                    "minNodeCount": 0,
                    "maxNodeCount": nodes,
                    "nodeIdleTimeBeforeScaleDown": "PT2M",
                },
                "remoteLoginPortPublicAccess": "Disabled",
                "allocationState": "Steady",
                "allocationStateTransitionTime": world.stamp(),
                "currentNodeCount": 0,
                "targetNodeCount": 0,
                "enableNodePublicIp": True,
                "nodeStateCounts": {
                    "idleNodeCount": 0, "runningNodeCount": 0, "preparingNodeCount": 0,
                    "unusableNodeCount": 0, "leavingNodeCount": 0, "preemptedNodeCount": 0,
                },
            },
        },
    }  # fmt: skip


@router.on("GET", f"{BASE}/computes")
def list_computes(world: World, request: Request) -> Answer:
    return page(request, list(world.computes.values()))


@router.on("GET", f"{BASE}/computes/{{name}}")
def get_compute(world: World, request: Request, name: str) -> Answer:
    if name not in world.computes:
        raise not_found("compute", name)
    return Answer(200, world.computes[name])


SIZES: dict[str, tuple[int, int, float, int]] = {
    "Standard_DS3_v2": (4, 0, 14, 28),
    "Standard_DS4_v2": (8, 0, 28, 56),
    "Standard_D16as_v4": (16, 0, 64, 128),
    "Standard_NC4as_T4_v3": (4, 1, 28, 176),
    "Standard_NC6s_v3": (6, 1, 112, 736),
    "Standard_NC24rs_v3": (24, 4, 448, 2948),
    "Standard_NC24ads_A100_v4": (24, 1, 220, 64),
    "Standard_D2_v2": (2, 0, 7, 100),
    "Standard_D12_v2": (4, 0, 28, 200),
}
"""Instance types of the region: cores, GPUs, memory (GiB), disk (GiB)."""


@router.on("GET", f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/{{place}}/vmSizes")
def list_sizes(world: World, request: Request, place: str) -> Answer:
    sizes = [
        {
            "name": name,
            "family": family_of(name),
            "vCPUs": cores,
            "gpus": gpus,
            "osVhdSizeMB": 1047552,
            "maxResourceVolumeMB": disk * 1024,
            "memoryGB": memory,
            "lowPriorityCapable": True,
            "premiumIO": True,
            "estimatedVMPrices": {
                "billingCurrency": "USD",
                "unitOfMeasure": "OneHour",
                "values": [
                    {
                        "retailPrice": 0.1 * cores + 2.5 * gpus,
                        "osType": "Linux",
                        "vmTier": "Standard",
                    }
                ],
            },
            "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
        }
        for name, (cores, gpus, memory, disk) in SIZES.items()
        if name not in world.unavailable
    ]
    return Answer(200, {"value": sizes})


def family_of(size: str) -> str:
    """The family by which quota is counted: `Standard_NC`, `Standard_DS`, `Standard_D`."""
    letters = "".join(c for c in size.removeprefix("Standard_")[:3] if c.isalpha())
    return f"Standard_{letters.upper()}"
