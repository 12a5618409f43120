"""Azure ML in the TUI, by keyboard: sign-in, workspace, finetune, deploy, try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.services import azure as service
from fmtui.services import azure_batch, azure_endpoints, catalog, endpoints, runs
from fmtui.services.context import Context, context
from screens.places import go
from tests.azure import azurite
from tests.azure.runs import end_followers, ended
from tests.azure.standin import accounts, jobs
from tests.azure.standin.server import StandIn
from tests.screens.tools import choose, fill_in, hides, opened, shows, text, until
from tests.tiny import write_messages


@pytest.fixture
def here(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """The context that the screens use."""
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield context()
    end_followers(ctx.home.root)


async def test_the_way_to_azure_and_the_workspace(azure: StandIn, here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("5", "A")
        await shows(pilot, "✓ sign-in", "✓ workspace", "ws-models in westeurope")
        await pilot.press("w")
        await shows(pilot, "rg-models westeurope")
        await pilot.press("enter")
        await shows(pilot, "ws-models is in force")
    assert [p.name for p in service.profiles(here) if p.current] == ["ws-models"]


async def test_a_sign_in_that_fails_is_seen(
    azure: StandIn, here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "another")
    async with opened() as pilot:
        await pilot.press("5", "A")
        await shows(pilot, "✗ sign-in", "the client secret is wrong")


async def test_a_person_signs_in_by_a_code(
    azure: StandIn, here: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "another")
    async with opened() as pilot:
        await pilot.press("5", "A")
        await shows(pilot, "✗ sign-in", "the client secret is wrong")
        await pilot.press("l")
        await shows(pilot, accounts.PAGE, "waiting for it")
        await pilot.press("r")
        await shows(pilot, "✗ sign-in")
        assert accounts.PAGE not in text(pilot)
        await pilot.press("l")
        seen = await shows(pilot, "waiting for it")
        accounts.enter(azure.world, next(d.user_code for d in azure.world.devices.values()
                                         if d.user_code in seen))  # fmt: skip
        await shows(pilot, f"✓ sign-in    {accounts.PERSON}", "✓ registry")
    assert len(azure.world.devices) == 2


async def test_one_task_by_keyboard_from_the_form_to_the_answer(
    azure: StandIn, here: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    azure.world.pace = 0.3
    catalog.sync_registry(here)
    data = write_messages(tmp_path / "train.csv", 40)
    async with opened((120, 40)) as pilot:
        from screens.forms.finetune import FinetuneForm

        pilot.app.push_screen(FinetuneForm())
        await pilot.pause()
        await choose(pilot, "model", "azureml:roberta-base@19")
        await choose(pilot, "train", str(data))
        await choose(pilot, "where", "azureml")
        await choose(pilot, "instance", "NC6s_v3 recommended")
        await fill_in(pilot, "name", "bank")
        await fill_in(pilot, "experiment", "cards")
        await fill_in(pilot, "azure_tags", "team=red, cost=42")
        seen = await shows(pilot, "about 3.10 USD an hour while it runs", seconds=40)
        line = " ".join(seen.replace("\\", " ").split())
        assert "--backend azureml --instance-type Standard_NC6s_v3 --experiment cards" in line
        assert "--azure-tag team=red --azure-tag cost=42" in line
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ completed", seconds=60)
        assert runs.show(here, "r1").output == "bank:1"
        (job,) = azure.world.requests("PUT", "/jobs/")
        sent = job.json["properties"]
        assert sent["experimentName"] == "cards"
        assert sent["tags"].items() >= {"team": "red", "cost": "42"}.items()

        from screens.forms.deploy import DeployForm

        pilot.app.push_screen(DeployForm(model="bank:1"))
        await pilot.pause()
        await fill_in(pilot, "endpoint", "bank-ep")
        await choose(pilot, "where", "azureml")
        await choose(pilot, "instance", "Standard_DS3_v2")
        await shows(pilot, "fmtui endpoint create bank-ep --target azureml")
        await pilot.press("ctrl+s")
        await shows(pilot, "Deploy bank:1 on bank-ep?", "until it is deleted", seconds=40)
        await pilot.press("y")
        await shows(pilot, "bank-ep", "azureml", "blue", "100%", seconds=40)
        await pilot.press("ctrl+s")
        await shows(pilot, "200", "POSITIVE", seconds=40)
    azure_endpoints.delete(here, "bank-ep")
    assert not endpoints.list_endpoints(here)


async def test_the_page_of_each_kind_says_what_it_is_and_what_bills(
    azure: StandIn, here: Context
) -> None:
    catalog.sync_registry(here)
    azure_endpoints.create(here, "bank")
    azure_endpoints.deploy(here, "bank", "azureml:roberta-base@19", instance_count=2)
    azure_endpoints.create(here, "nightly", kind="batch")
    azure_endpoints.deploy(here, "nightly", "azureml:roberta-base@19", compute="gpu-cluster")
    azure_endpoints.create(here, "talk", kind="serverless", model="azureml:Llama-serverless")
    async with opened() as pilot:
        from screens.endpoint import EndpointPage

        pilot.app.push_screen(EndpointPage("bank"))
        await shows(pilot, "2 × Standard_DS4_v2", "100%", "✓ healthy", "billed until deleted")
        await pilot.app.pop_screen()
        pilot.app.push_screen(EndpointPage("nightly"))
        await shows(
            pilot, "azureml batch", "✓ healthy", "1 × gpu-cluster", "billed while a job runs"
        )
        seen = await shows(pilot, "No job yet. Press i to let it answer a file.")
        assert not any(word in seen for word in (" Try ", " Log ", " Keys ", "send"))
        await pilot.app.pop_screen()
        pilot.app.push_screen(EndpointPage("talk"))
        await shows(pilot, "azureml serverless", "Llama-serverless", "paid for by token")
        await pilot.press("ctrl+s")
        seen = await shows(pilot, "200", "You said: What is the capital of Portugal?")
        assert " Log " not in seen and "deploy" not in seen, "it has neither"


async def test_a_model_of_the_catalogue_is_used_there_without_being_here(
    azure: StandIn, here: Context
) -> None:
    catalog.sync_registry(here)
    async with opened() as pilot:
        await go(pilot.app, "catalog:azureml:roberta-base")
        await shows(pilot, "4 CPUs, 1 GPU, 28 GiB of memory", "f finetune", "d deploy")
        await pilot.press("d")
        await shows(pilot, "Deploy › azureml:roberta-base", "workspace ws-models", "kind")
        await pilot.press("escape")
        await shows(pilot, "f finetune")
        await pilot.press("f")
        await shows(pilot, "Finetune › azureml:roberta-base")
        await pilot.press("escape")
        await shows(pilot, "f finetune")


async def test_a_job_in_azure_is_begun_anew_only_if_asked(
    azure: StandIn, here: Context, uploads: azurite.Store
) -> None:
    catalog.sync_registry(here)
    azure_endpoints.create(here, "nightly", kind="batch")
    azure_endpoints.deploy(here, "nightly", "azureml:roberta-base@19", compute="gpu-cluster")
    azure.world.pace = 2.0
    azure_batch.start(here, "nightly", "azureml://datastores/workspaceblobstore/paths/rows.csv")
    (job,) = azure.world.jobs
    jobs.hold(azure.world, job)
    azure.world.pace = 0.02
    async with opened() as pilot:
        await go(pilot.app, "run:r1")
        await shows(pilot, "x cancel")
        await pilot.press("x")
        await shows(pilot, "Cancel r1?", "billed no further. R starts it anew.")
        await pilot.press("y")
        await shows(pilot, "canceled", seconds=40)
        ended(here, "r1")
        await shows(pilot, "R resume")
        await pilot.press("R")
        await shows(pilot, "Start the job of r1 in Azure ML again?", "billed while it")
        await pilot.press("n")
        await hides(pilot, "again?")
        assert len(azure.world.jobs) == 1
        await pilot.press("R")
        await shows(pilot, "again?")
        await pilot.press("y")
        await until(pilot, lambda _: len(azure.world.jobs) == 2, "a job that begins anew")
