"""A model of this machine in a workspace: uploaded in MLflow's form, deployed without code."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.services import azure_endpoints, endpoints, models
from fmtui.services.context import Context
from tests.azure import azurite
from tests.azure.standin.server import StandIn
from tests.command import fmtui
from tests.serving_tools import write_classifier


@pytest.fixture
def classifier(ctx: Context, tmp_path: Path) -> str:
    folder = write_classifier(tmp_path / "cards")
    return models.import_model(ctx, str(folder), name="cards").ref


def test_a_model_is_uploaded_once_and_deployed(
    azure: StandIn, ctx: Context, uploads: azurite.Store, classifier: str
) -> None:
    refused = fmtui("endpoint", "deploy", "bank", "--model", "cards", "--yes")
    assert refused.code != 0
    done = fmtui("model", "upload", "cards", "--json")
    assert done.code == 0, done.err
    assert (done.json["ref"], done.json["parent"]) == ("cards:2", "cards:1")
    body = azure.world.assets["models"]["cards"].versions["1"]["properties"]
    assert body["modelType"] == "mlflow_model" and body["tags"]["task"] == "text-classification"
    assert body["modelUri"].endswith("/mlflow_model_folder")

    sent = len(azure.world.exchanges)
    again = fmtui("model", "upload", "cards:1", "--json")
    assert again.json["ref"] == "cards:2"
    puts = [e for e in azure.world.exchanges[sent:] if e.request.method == "PUT"]
    assert not puts, "nothing is uploaded twice"
    assert fmtui("model", "upload", "cards:2").code != 0, "it lies there"

    azure_endpoints.create(ctx, "bank")
    done = fmtui("endpoint", "deploy", "bank", "--model", "cards:2", "--instance-type",
                 "Standard_DS3_v2", "--yes", "--json")  # fmt: skip
    assert done.code == 0, done.err
    (blue,) = endpoints.show(ctx, "bank").deployments
    assert blue.model == "cards:1", "as the workspace calls it"


def test_another_model_of_that_name_is_not_overwritten(
    azure: StandIn, ctx: Context, uploads: azurite.Store, classifier: str, tmp_path: Path
) -> None:
    assert fmtui("model", "upload", "cards").code == 0
    other = write_classifier(tmp_path / "others", seed=1)
    models.import_model(ctx, str(other), name="others")
    done = fmtui("model", "upload", "others", "--name", "cards")
    assert "another model cards:1" in done.err and "--name" in done.err
    assert list(azure.world.assets["models"]["cards"].versions) == ["1"]
    assert not list(ctx.home.root.glob(".azure-*"))


def test_a_store_that_takes_nothing_is_said(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    """The SDK alone would wait for ever for the files that were refused."""
    # Weights of its own: files that the store has already, of a model made in the same second,
    # are not sent.
    models.import_model(ctx, str(write_classifier(tmp_path / "cards", seed=2)), name="cards")
    azure.world.store_read_only = True
    done = fmtui("model", "upload", "cards", "--name", "read-only")
    assert done.code == 5 and "AuthorizationPermissionMismatch" not in done.err
    assert "Storage Blob Data Contributor" in done.err, done.err
    assert "read-only" not in azure.world.assets.get("models", {})
    assert [info.ref for info in models.list_models(ctx)] == ["cards:1"]
    azure.world.store_read_only = False
    assert fmtui("model", "upload", "cards", "--name", "read-only").code == 0
