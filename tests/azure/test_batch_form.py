"""A batch endpoint by keyboard: a file handed over from its page, the job followed as a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.services import azure_batch, azure_endpoints, catalog, data, runs
from fmtui.services.context import Context, context
from screens.endpoint import EndpointPage
from screens.forms.batch import BatchForm
from tests.azure import azurite
from tests.azure.runs import by_command, end_followers
from tests.azure.standin.server import StandIn
from tests.screens.tools import choose, fill_in, opened, shows
from tests.tiny import write_messages

MODEL = "azureml:roberta-base@19"


@pytest.fixture
def nightly(azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """A batch endpoint `nightly` with two deployments, of which `blue` is the default one."""
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "nightly", kind="batch")
    for model in (MODEL, "azureml:gpt2@19"):
        azure_endpoints.deploy(ctx, "nightly", model, compute="gpu-cluster")
    yield context()
    end_followers(ctx.home.root)


async def test_a_file_is_answered_from_the_page(
    azure: StandIn, nightly: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    data.add(nightly, write_messages(tmp_path / "messages.csv", 12), name="messages")
    async with opened() as pilot:
        pilot.app.push_screen(EndpointPage("nightly"))
        await shows(pilot, "No job yet", "answer a file")
        await pilot.press("i")
        await shows(pilot, "Endpoints › nightly › a job", "Data is needed", "default one: blue")
        await choose(pilot, "data", "messages:1")
        await shows(pilot, "about 3.10 USD an hour on gpu-cluster while", "12 rows with text")
        await fill_in(pilot, "cols", "input_string=body")
        await shows(pilot, "✗", "no column `body`")
        for _ in "body":
            await pilot.press("backspace")
        await fill_in(pilot, "cols", "text")
        await shows(pilot, "12 rows with text as input_string")
        form = pilot.app.screen
        assert isinstance(form, BatchForm)
        line = form.command()
        await pilot.press("ctrl+s")
        await shows(pilot, "Let nightly/blue answer messages:1?", "12 rows")
        await pilot.press("y")
        await shows(pilot, "Runs › r1", "batch", "✓ completed", seconds=40)
        await pilot.press("escape")
        await shows(pilot, "Endpoints › nightly", "messages:1", "✓ completed")
        await pilot.press("enter")
        await shows(pilot, "Runs › r1")
    answers = nightly.home.runs / "r1" / "output" / "answers" / "predictions.csv"
    assert len(answers.read_text().splitlines()) == 12

    by_command(nightly, line, "r2", like="r1")
    assert [info.run for info in azure_batch.jobs(nightly, "nightly")] == ["r2", "r1"]
    assert not azure_batch.jobs(nightly, "night")


async def test_no_job_begins_where_the_cost_is_refused(azure: StandIn, nightly: Context) -> None:
    info = azure_endpoints.last_seen(nightly, "nightly")
    async with opened() as pilot:
        pilot.app.push_screen(BatchForm(info))
        await pilot.pause()
        await choose(pilot, "data", "azureml:rows:1")
        await choose(pilot, "deployment", "green")
        await fill_in(pilot, "experiment", "night")
        await shows(pilot, "azureml:rows:1 goes as it is")
        line = pilot.app.screen.command()
        assert line == (
            "fmtui batch invoke nightly/green --data azureml:rows:1 --experiment night --yes"
        )
        await pilot.press("ctrl+s")
        await shows(pilot, "Let nightly/green answer azureml:rows:1?")
        await pilot.press("n")
        await shows(pilot, "No job was begun.")
    assert not azure.world.jobs and not runs.list_runs(nightly)


async def test_another_deployment_becomes_the_default_one(azure: StandIn, nightly: Context) -> None:
    async with opened() as pilot:
        pilot.app.push_screen(EndpointPage("nightly"))
        await shows(pilot, "blue", "green", "D default")
        await pilot.press("D")
        await shows(pilot, "The default deployment")
        await pilot.press("down", "enter")
        await shows(pilot, "green takes the jobs that name no deployment.")
    assert azure_batch.plan(nightly, "nightly").deployment.name == "green"
