"""What the stand-in has and fmtui does not use yet, held to the contract through the real SDK."""

from __future__ import annotations

import pytest

from fmtui.azure.connection import connect
from fmtui.services.context import Context
from tests.azure.standin.server import StandIn


def test_a_batch_endpoint_scores_a_folder(azure: StandIn, ctx: Context) -> None:
    from azure.ai.ml import Input
    from azure.ai.ml.entities import BatchEndpoint, ModelBatchDeployment

    client = connect(ctx.home).workspace
    client.batch_endpoints.begin_create_or_update(BatchEndpoint(name="nightly")).result()
    deployment = ModelBatchDeployment(
        name="blue",
        endpoint_name="nightly",
        model="azureml://registries/azureml/models/roberta-base/versions/19",
        compute="gpu-cluster",
    )
    client.batch_deployments.begin_create_or_update(deployment).result()
    folder = Input(type="uri_folder", path="azureml://datastores/workspaceblobstore/paths/rows/")
    job = client.batch_endpoints.invoke("nightly", deployment_name="blue", inputs={"in": folder})
    assert client.jobs.get(job.name).status
    client.batch_endpoints.begin_delete("nightly").result()
    assert not azure.world.batch


def test_serverless_is_for_the_models_that_offer_it(azure: StandIn, ctx: Context) -> None:
    from azure.ai.ml.entities import ServerlessEndpoint
    from azure.core.exceptions import HttpResponseError

    client = connect(ctx.home).workspace
    uri = "azureml://registries/azureml/models/"
    made = ServerlessEndpoint(name="llama", model_id=f"{uri}Llama-serverless")
    found = client.serverless_endpoints.begin_create_or_update(made).result()
    assert found.provisioning_state == "succeeded"
    assert client.serverless_endpoints.get_keys("llama").primary_key
    with pytest.raises(HttpResponseError, match="not offered as serverless"):
        other = ServerlessEndpoint(name="bert", model_id=f"{uri}bert-base-cased")
        client.serverless_endpoints.begin_create_or_update(other).result()
    client.serverless_endpoints.begin_delete("llama").result()
    assert not azure.world.serverless
