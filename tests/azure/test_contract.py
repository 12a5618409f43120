"""The contract check is worth something: faults that are planted in exchanges are caught."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from fmtui.azure.connection import connect
from fmtui.services.context import Context
from tests.azure import contract
from tests.azure.standin.http import Answer
from tests.azure.standin.models import SOLD
from tests.azure.standin.server import StandIn
from tests.azure.standin.world import Exchange

Change = Callable[[dict[str, Any]], object]


def _journey(ctx: Context) -> None:
    """Something of each kind, by the real SDK."""
    from azure.ai.ml import Input, dsl
    from azure.ai.ml.entities import (
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        MarketplaceSubscription,
    )

    connection = connect(ctx.home)
    client, registry = connection.workspace, connection.registry("azureml")
    registry.models.get("roberta-base", label="latest")
    component = registry.components.get("text_classification_pipeline", label="latest")

    @dsl.pipeline(name="tune")
    def pipeline() -> Any:
        path = "azureml://registries/azureml/models/roberta-base/versions/19"
        model = Input(type="mlflow_model", path=path)
        node = component(
            sentence1_key="text", label_key="label", mlflow_model_path=model, learning_rate=1e-5
        )
        return {"model": node.outputs.mlflow_model_folder}

    client.jobs.create_or_update(pipeline(), experiment_name="tests")
    client.compute.get("gpu-cluster")
    client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="bank", auth_mode="key")
    ).result()
    client.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name="blue",
            endpoint_name="bank",
            model="azureml://registries/azureml/models/roberta-base/versions/19",
            instance_type="Standard_DS3_v2",
            instance_count=1,
        )
    ).result()
    client.online_endpoints.get_keys("bank")
    client.online_deployments.get_logs("blue", "bank", 10)
    client.marketplace_subscriptions.begin_create_or_update(
        MarketplaceSubscription(name="mistral", model_id=SOLD)
    ).result()
    list(client.marketplace_subscriptions.list())


@pytest.fixture
def recorded(
    azure: StandIn, ctx: Context, validator: contract.Validator | None
) -> tuple[contract.Validator, list[Exchange]]:
    if validator is None:
        pytest.skip(str(contract.missing()))
    _journey(ctx)
    return validator, list(azure.world.exchanges)


def _properties(key: str, value: object) -> Change:
    return lambda body: body["properties"].update({key: value})


def _without(*path: str) -> Change:
    def change(body: dict[str, Any]) -> None:
        for part in path[:-1]:
            body = body[part]
        del body[path[-1]]

    return change


def _node_input(key: str, value: object) -> Change:
    def change(body: dict[str, Any]) -> None:
        node = next(iter(body["properties"]["jobs"].values()))
        literal = {"job_input_type": "literal", "value": value}
        node["inputs"].update({key: literal})

    return change


def _without_input(body: dict[str, Any]) -> None:
    del next(iter(body["properties"]["jobs"].values()))["inputs"]["label_key"]


FAULTS: list[tuple[str, str, str, str, Change]] = [
    ("request", "PUT", r"onlineEndpoints/bank", "no properties", _without("properties")),
    ("request", "PUT", r"onlineEndpoints/bank", "no location", _without("location")),
    ("request", "PUT", r"onlineEndpoints/bank", "an auth mode", _properties("authMode", 7)),
    ("request", "PUT", r"onlineEndpoints/bank", "traffic of text",
     _properties("traffic", {"blue": "all"})),
    ("request", "PUT", r"deployments/blue", "no kind",
     _without("properties", "endpointComputeType")),
    ("request", "PUT", r"deployments/blue", "a capacity of text",
     lambda body: body["sku"].update(capacity="one")),
    ("request", "PUT", r"deployments/blue", "an odd probe",
     _properties("livenessProbe", {"initialDelay": 600})),
    ("request", "POST", r"getLogs", "a tail of text", lambda body: body.update(tail="all")),
    ("request", "PUT", r"jobs/", "no type of job", _without("properties", "jobType")),
    ("request", "PUT", r"jobs/", "tags of numbers", _properties("tags", {"a": 1})),
    ("request", "PUT", r"jobs/", "an unknown input", _node_input("learning_rat", "1e-5")),
    ("request", "PUT", r"jobs/", "a value that is none of the enum",
     _node_input("apply_lora", "True")),
    ("request", "PUT", r"jobs/", "a number that is none", _node_input("learning_rate", "fast")),
    ("request", "PUT", r"jobs/", "an input that is needed", _without_input),
    ("request", "PUT", r"marketplaceSubscriptions/mistral", "no model",
     _without("properties", "modelId")),
    ("answer", "PUT", r"marketplaceSubscriptions/mistral", "a state of numbers",
     _properties("marketplaceSubscriptionStatus", 7)),
    ("answer", "GET", r"marketplaceSubscriptions$", "a plan of text",
     lambda body: body["value"][0]["properties"].update(marketplacePlan="large")),
    ("answer", "GET", r"workspaces/ws-models$", "properties of text",
     lambda body: body.update(properties="none")),
    ("answer", "GET", r"computes/gpu-cluster$", "no type of compute",
     _without("properties", "computeType")),
    ("answer", "PUT", r"jobs/", "a service of text", _properties("services", {"Studio": "x"})),
    ("answer", "GET", r"onlineEndpoints/bank$", "no auth mode", _without("properties", "authMode")),
    ("answer", "GET", r"deployments/blue$", "a probe of numbers",
     _properties("readinessProbe", {"failureThreshold": "many"})),
    ("answer", "POST", r"listKeys$", "a key of numbers", lambda body: body.update(primaryKey=1)),
    ("answer", "GET", r"models/roberta-base/versions/19$", "flavors of text",
     _properties("flavors", "all")),
    ("answer", "GET", r"models/roberta-base/versions/19$", "no properties", _without("properties")),
]  # fmt: skip


def test_planted_faults_are_caught(
    recorded: tuple[contract.Validator, list[Exchange]],
) -> None:
    validator, exchanges = recorded
    missed = []
    for side, method, word, name, change in FAULTS:
        exchange = _found(exchanges, method, word)
        assert not validator.check(exchange), f"{word} is clean"
        if not validator.check(_spoiled(exchange, side, change)):
            missed.append(f"{side} {method} {word}: {name}")
    assert not missed
    assert len(FAULTS) >= 12


def test_an_unknown_path_or_version_is_no_contract(
    recorded: tuple[contract.Validator, list[Exchange]],
) -> None:
    validator, exchanges = recorded
    exchange = _found(exchanges, "GET", r"computes/gpu-cluster$")
    for change in (
        {"query": {"api-version": "2031-01-01"}},
        {"path": exchange.request.path + "/x"},
    ):
        request = dataclasses.replace(exchange.request, **change)
        found = validator.check(dataclasses.replace(exchange, request=request))
        assert found, change


def test_a_status_that_is_none_of_the_contract(
    recorded: tuple[contract.Validator, list[Exchange]],
) -> None:
    validator, exchanges = recorded
    exchange = _found(exchanges, "GET", r"computes/gpu-cluster$")
    odd = dataclasses.replace(exchange, answer=Answer(206, exchange.answer.json))
    assert validator.check(odd)


def _found(exchanges: list[Exchange], method: str, word: str) -> Exchange:
    return next(
        e for e in exchanges if e.request.method == method and re.search(word, e.request.path)
    )


def _spoiled(exchange: Exchange, side: str, change: Change) -> Exchange:
    if side == "request":
        body = exchange.request.json
        change(body)
        request = dataclasses.replace(exchange.request, body=json.dumps(body).encode())
        return dataclasses.replace(exchange, request=request)
    body = copy.deepcopy(exchange.answer.json)
    change(body)
    return dataclasses.replace(exchange, answer=dataclasses.replace(exchange.answer, json=body))
