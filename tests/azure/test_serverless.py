"""Serverless endpoints in Azure ML, for the models that are offered so."""

from __future__ import annotations

import json

import pytest

from fmtui.errors import BadInputError, UsageError
from fmtui.services import azure_endpoints, catalog, endpoints
from fmtui.services.context import Context
from tests.azure.standin.server import StandIn
from tests.command import fmtui

MODEL = "azureml:Llama-serverless"


def test_the_life_of_a_serverless_endpoint_by_command(azure: StandIn, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    words = ["endpoint", "create", "llama", "--target", "azureml", "--kind", "serverless"]
    words += ["--model", MODEL]
    refused = fmtui(*words)
    assert refused.code == 2 and not azure.world.serverless, "nobody was asked"
    assert f"Create llama for {MODEL}: paid for by token" in refused.err
    done = fmtui(*words, "--yes", "--json")
    assert done.code == 0, done.err
    assert (done.json["kind"], done.json["state"]) == ("serverless", "healthy")
    assert done.json["deployments"][0]["model"] == MODEL
    assert "nothing while nobody asks" in fmtui("endpoint", "show", "llama").out

    sample = json.loads(endpoints.sample_request(ctx, "llama"))
    assert sample["messages"][-1]["role"] == "user"
    answer = fmtui("endpoint", "invoke", "llama", "--body", json.dumps(sample))
    said = json.loads(answer.out)["choices"][0]["message"]["content"]
    assert sample["messages"][-1]["content"] in said

    before = fmtui("endpoint", "keys", "llama", "--json").json
    after = fmtui("endpoint", "keys", "llama", "--regenerate", "secondary", "--json").json
    assert after["primary"] == before["primary"] and after["secondary"] != before["secondary"]
    for more in (["logs", "llama"], ["traffic", "llama", "model=100"],
                 ["deploy", "llama", "--model", MODEL, "--yes"],
                 ["scale", "llama/model", "--instance-count", "2", "--yes"],
                 ["delete", "llama/model", "--yes"]):  # fmt: skip
        done = fmtui("endpoint", *more)
        assert done.code == 4 and "is a serverless endpoint: it has no" in done.err, more
    (ctx.home.root / "azure-endpoints" / "llama.json").unlink()
    (found,) = azure_endpoints.list_endpoints(ctx)
    assert (found.name, found.kind) == ("llama", "serverless"), "it is taken in again"
    assert fmtui("endpoint", "delete", "llama", "--yes").code == 0
    assert not azure.world.serverless and not endpoints.list_endpoints(ctx)


def test_only_what_is_offered_becomes_serverless(azure: StandIn, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    with pytest.raises(BadInputError, match="bert-base-cased is not offered as a serverless"):
        azure_endpoints.create(ctx, "bert", kind="serverless", model="azureml:bert-base-cased")
    with pytest.raises(UsageError, match="is made for a model"):
        azure_endpoints.create(ctx, "bert", kind="serverless")
    with pytest.raises(UsageError, match="is made for a model"):
        azure_endpoints.create(ctx, "bert", model=MODEL)
    assert not azure.world.requests("PUT", "Endpoints/") and not azure_endpoints.names(ctx)
