"""The manners of Azure Resource Manager: ids, envelopes, pages, long-running operations."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tests.azure.standin.http import Answer, Json, Request, Router, not_found
from tests.azure.standin.world import (
    GROUP,
    LOCATION,
    MANAGEMENT,
    SUBSCRIPTION,
    WORKSPACE,
    Operation,
    World,
)

PROVIDER = "Microsoft.MachineLearningServices"
ROOT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{PROVIDER}"
BASE = f"{ROOT}/workspaces/{WORKSPACE}"
PAGE = 30

router = Router()


def resource(world: World, path: str, kind: str, properties: Json, **more: Any) -> Json:
    """A resource of the workspace; `path` is below it."""
    return {
        "id": f"{BASE}/{path}",
        "name": path.rpartition("/")[2],
        "type": f"{PROVIDER}/workspaces/{kind}",
        "systemData": system_data(world),
        "properties": properties,
        **more,
    }


def system_data(world: World, moment: float | None = None) -> Json:
    who = {"By": "tests", "ByType": "Application", "At": world.stamp(moment)}
    return {f"{what}{key}": v for what in ("created", "lastModified") for key, v in who.items()}


def page(request: Request, items: list[Json], size: int = PAGE) -> Answer:
    """A page of a list, with the link to the next."""
    start = int(request.query.get("$skip", "0"))
    body: Json = {"value": items[start : start + size]}
    if start + size < len(items):
        query = {**request.query, "$skip": str(start + size)}
        words = "&".join(f"{key}={value}" for key, value in query.items())
        body["nextLink"] = f"https://{request.host}{request.path}?{words}"
    return Answer(200, body)


def begin(
    world: World, *, finish: Callable[[], None], error: Json | None = None, stages: int = 2
) -> dict[str, str]:
    """Start a long-running operation; what comes back are the headers that tell of it.

    `finish` is called once, when it is over, also when it failed.
    """
    number = str(uuid.uuid4())
    world.operations[number] = Operation(world.now() + stages * world.pace, error, finish)
    where = f"{MANAGEMENT}/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/{LOCATION}"
    query = "api-version=2022-02-01-preview"
    return {
        "Azure-AsyncOperation": f"{where}/mfeOperationsStatus/{number}?{query}",
        "Location": f"{where}/mfeOperationResults/{number}?{query}",
        "x-ms-async-operation-timeout": "PT1H",
        "x-ms-retry-after-ms": "20",
    }


def settle(world: World, *, everything: bool = False) -> None:
    """Bring operations to their end whose time has come."""
    for operation in list(world.operations.values()):
        if not operation.done and (everything or operation.due <= world.now()):
            operation.done = True
            operation.finish()


_WHERE = f"/subscriptions/{SUBSCRIPTION}/providers/{PROVIDER}/locations/{{location}}"


@router.on("GET", f"{_WHERE}/mfeOperationsStatus/{{number}}")
def operation_status(world: World, request: Request, location: str, number: str) -> Answer:
    operation = world.operations.get(number)
    if operation is None:
        raise not_found("operation", number)
    settle(world)
    body: Json = {"id": request.path, "name": number}
    if not operation.done:
        return Answer(200, body | {"status": "InProgress"}, headers={"x-ms-retry-after-ms": "20"})
    if operation.error is None:
        return Answer(200, body | {"status": "Succeeded", "percentComplete": 100})
    return Answer(200, body | {"status": "Failed", "error": operation.error})


@router.on("GET", f"{_WHERE}/mfeOperationResults/{{number}}")
def operation_result(world: World, request: Request, location: str, number: str) -> Answer:
    operation = world.operations.get(number)
    if operation is None:
        raise not_found("operation", number)
    settle(world)
    return Answer(200 if operation.done else 202, headers={"x-ms-retry-after-ms": "20"})
