"""The live mirror of a registry: what is brought, what is asked again, what ends early."""

from __future__ import annotations

import json

import pytest

from fmtui.errors import NotFoundError, RemoteError
from fmtui.services import catalog
from fmtui.services.context import Context
from tests.azure.standin.faults import Fault, broken, throttled
from tests.azure.standin.models import MODELS
from tests.azure.standin.registry import put_model
from tests.azure.standin.server import StandIn
from tests.command import fmtui


def _asked(azure: StandIn) -> int:
    """How many models were asked for since the last look."""
    found = azure.world.requests("GET", "/versions/")
    azure.world.exchanges.clear()
    return len(found)


def test_the_registry_is_mirrored_with_all_that_it_tells(azure: StandIn, ctx: Context) -> None:
    done = fmtui("catalog", "sync", "azureml", "--live", "--json")
    assert done.code == 0, done.err
    assert done.json["total"] == len(MODELS)
    assert f"{len(MODELS)} of {len(MODELS)} models" in done.err
    entry = catalog.show(ctx, "azureml:roberta-base")
    assert entry.version == "19"
    assert entry.hub_id == "FacebookAI/roberta-base"
    assert entry.license == "mit"
    assert entry.tasks == ("fill-mask",)
    assert entry.finetune_tasks[0] == "text-classification"
    assert entry.skus["finetune"]["minimum"]["gpus"] == 1
    assert entry.skus["finetune"]["recommended"][0] == "Standard_NC24rs_v3"
    assert entry.defaults["apply_lora"] == "true"
    assert entry.description == "roberta-base is a model."


def test_only_new_versions_are_asked_for(azure: StandIn, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    assert _asked(azure) == len(MODELS)
    put_model(azure.world, "roberta-base", "20", description="the next one")
    del azure.world.registries["azureml"]["models"]["gpt2"]
    result = catalog.sync_registry(ctx)
    assert _asked(azure) == 1
    assert (result.new, result.updated, result.gone) == (0, 1, 1)
    assert catalog.show(ctx, "azureml:roberta-base").description == "the next one"
    with pytest.raises(NotFoundError):
        catalog.show(ctx, "azureml:gpt2")
    catalog.sync_registry(ctx, fresh=True)
    assert _asked(azure) == len(MODELS) - 1


def test_a_sync_that_ends_early_is_taken_up(azure: StandIn, ctx: Context) -> None:
    for number in range(40):
        put_model(azure.world, f"model-{number:02}", "1")
    azure.world.faults.plan(
        Fault("GET", r"/models/.*/versions/", None, skip=25, answer=throttled("0"))
    )
    with pytest.raises(RemoteError, match="asks to slow down"):
        catalog.sync_registry(ctx)
    first = len([e for e in azure.world.exchanges if "/versions/" in e.request.path
                 and e.answer.status == 200])  # fmt: skip
    assert first == 25
    azure.world.faults.clear()
    _asked(azure)
    before = catalog.search(ctx, "model-01").rows
    assert not before, "nothing half of a sync is shown"
    result = catalog.sync_registry(ctx)
    assert result.total == 40 + len(MODELS)
    # What was answered in the moment of the error may not have been kept.
    assert 46 - 25 <= _asked(azure) <= 46 - 25 + 8


def test_throttling_and_faults_of_the_service_are_waited_out(azure: StandIn, ctx: Context) -> None:
    azure.world.faults.plan(Fault("GET", "/models/gpt2/versions/", 2, answer=throttled("0")))
    azure.world.faults.plan(Fault("GET", "/models/t5-small/versions/", 1, answer=broken()))
    assert catalog.sync_registry(ctx).total == len(MODELS)


def test_another_registry_has_its_own_references(azure: StandIn, ctx: Context) -> None:
    put_model(azure.world, "house-model", "3", registry="contoso", tags={"task": "fill-mask"})
    done = fmtui("catalog", "sync", "azureml", "--registry", "contoso", "--json")
    assert done.code == 0, done.err
    uri = "azureml://registries/contoso/models/house-model/versions/3"
    assert [row.ref for row in catalog.search(ctx, source="contoso").rows] == [uri]
    assert catalog.show(ctx, uri).source == "contoso"
    with pytest.raises(NotFoundError, match="registry no-such"):
        catalog.sync_registry(ctx, "no-such")


def test_a_publishers_slips_end_no_sync(azure: StandIn, ctx: Context) -> None:
    put_model(
        azure.world, "odd", "1",
        tags={"model_specific_defaults": "{not json", "task": ""},
        properties={"finetune-min-sku-spec": "four|1", "languages": "en,,de"},
    )  # fmt: skip
    put_model(azure.world, "py", "1", tags={"model_specific_defaults": "{'apply_lora': 'true'}"})
    catalog.sync_registry(ctx)
    odd = catalog.show(ctx, "azureml:odd")
    assert odd.skus == {} and odd.defaults == {} and odd.languages == ("en", "de")
    assert catalog.show(ctx, "azureml:py").defaults == {"apply_lora": "true"}


def test_a_line_that_a_kill_cut_is_asked_for_again(azure: StandIn, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    kept = ctx.home.root / "sync" / "azureml-azureml.jsonl"
    kept.write_bytes(kept.read_bytes()[:-20])
    _asked(azure)
    assert catalog.sync_registry(ctx).total == len(MODELS)
    assert _asked(azure) == 1
    assert all(json.loads(line)["name"] for line in kept.read_text().splitlines())
