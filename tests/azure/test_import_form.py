"""The import form with Azure ML as the place: a hub's model comes into the workspace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmtui.services import models, runs
from fmtui.services.context import Context, context
from screens.forms.import_model import ImportForm
from tests.azure import azurite
from tests.azure.runs import by_command, end_followers
from tests.azure.standin.server import StandIn
from tests.screens.tools import choose, fill_in, hides, opened, shows


@pytest.fixture
def here(azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield context()
    end_followers(ctx.home.root)


async def test_a_model_of_the_hub_comes_into_the_workspace(
    azure: StandIn, here: Context, uploads: azurite.Store
) -> None:
    async with opened() as pilot:
        form = ImportForm("hf:org/tiny-bert")
        pilot.app.push_screen(form)
        await shows(pilot, "pickles", "own code", "fmtui model import hf:org/tiny-bert")
        await choose(pilot, "where", "azureml")
        await shows(pilot, "workspace ws-models", "1 × Standard_NC6s_v3, about 3.10 USD an hour")
        await hides(pilot, "pickles")
        await choose(pilot, "task", "text-classification")
        await choose(pilot, "instance", "cluster gpu-cluster")
        await fill_in(pilot, "name", "tiny")
        await shows(pilot, "--name tiny", "an hour while it runs")
        line = form.command()
        await pilot.press("ctrl+s")
        await shows(pilot, "Import hf:org/tiny-bert into ws-models as tiny?", "3.10 USD")
        await pilot.press("y")
        await shows(pilot, "Runs › r1", "import", "✓ completed", seconds=40)
    assert models.show(here, "tiny").run == "r1"

    by_command(here, line, "r2", like="r1")


async def test_what_can_not_come_is_said_and_nothing_begins(azure: StandIn, here: Context) -> None:
    async with opened() as pilot:
        pilot.app.push_screen(ImportForm("azureml:gpt2"))
        await pilot.pause()
        await choose(pilot, "where", "azureml")
        await shows(pilot, "✗ azureml:gpt2 is no model of the hub")
        await pilot.press("ctrl+s")
        await shows(pilot, "✗ azureml:gpt2 is no model of the hub")
        await choose(pilot, "where", "local")
        await shows(pilot, "pickles", "$ fmtui model import azureml:gpt2")
        await hides(pilot, "✗")
    assert not azure.world.jobs and not runs.list_runs(here)


async def test_nothing_begins_where_the_cost_is_refused(azure: StandIn, here: Context) -> None:
    async with opened() as pilot:
        pilot.app.push_screen(ImportForm("hf:org/tiny-bert"))
        await pilot.pause()
        await choose(pilot, "where", "azureml")
        await pilot.press("ctrl+s")
        await shows(pilot, "Import hf:org/tiny-bert into ws-models as tiny-bert?")
        await pilot.press("n")
        await shows(pilot, "Nothing was begun.")
    assert not azure.world.jobs and not runs.list_runs(here)
