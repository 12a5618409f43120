"""The deploy form for Azure ML: each kind of endpoint, what it costs, and the same by command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from fmtui.errors import BadInputError, ConflictError, NotFoundError, UsageError
from fmtui.services import azure_deploy, azure_endpoints, catalog, endpoints
from fmtui.services.azure_deploy import DeployRequest
from fmtui.services.context import Context, context
from screens.forms.deploy import DeployForm
from screens.forms.traffic import TrafficForm
from screens.widgets.fields import TextField
from screens.widgets.picker import Picker
from tests.azure import azurite
from tests.azure.runs import until
from tests.azure.standin import assets
from tests.azure.standin.server import StandIn
from tests.command import fmtui
from tests.screens.tools import choose, fill_in, opened, shows, text

MODEL, CHAT = "azureml:roberta-base@19", "azureml:Llama-serverless"


@pytest.fixture
def here(azure: StandIn, ctx: Context) -> Iterator[Context]:
    """The context that the screens use, with the registry's models."""
    catalog.sync_registry(ctx)
    yield context()
    for name in azure_endpoints.names(ctx):
        azure_endpoints.delete(ctx, name)


def _made(azure: StandIn) -> list[tuple[str, Any]]:
    """What was made so far: addresses and what was sent there, without the service's own notes,
    which it is sent back and which hold the time, and the name of what was uploaded."""
    found = [(r.path, deepcopy(r.json)) for r in azure.world.requests("PUT", "Endpoints/")]
    for _, body in found:
        body["properties"].pop("properties", None)
        (body["properties"].get("codeConfiguration") or {}).pop("codeId", None)
    return found


def _by_command(azure: StandIn, ctx: Context, name: str, line: str) -> list[tuple[str, Any]]:
    """What a command line makes, once what the form made is gone."""
    azure_endpoints.delete(ctx, name)
    before = len(_made(azure))
    for part in line.split(" && "):
        program, *words = shlex.split(part)
        assert program == "fmtui"
        done = fmtui(*words)
        assert done.code == 0, done.err
    return _made(azure)[before:]


async def _form(pilot: Pilot[Any], model: str, endpoint: str) -> DeployForm:
    form = DeployForm(model=model)
    pilot.app.push_screen(form)
    await pilot.pause()
    await fill_in(pilot, "endpoint", endpoint)
    await choose(pilot, "where", "azureml")
    return form


async def _taken(pilot: Pilot[Any], form: DeployForm, question: str, cost: str) -> str:
    """Start what the form says and confirm it; gives the command that it showed."""
    line = form.command()
    await pilot.press("ctrl+s")
    await shows(pilot, question, cost)
    await pilot.press("y")
    return line


async def test_an_online_endpoint_and_the_same_by_its_command(
    azure: StandIn, here: Context
) -> None:
    async with opened() as pilot:
        form = await _form(pilot, MODEL, "bank")
        await shows(pilot, "billed until deleted", "1 × Standard_DS4_v2, about 0.80 USD an hour")
        await choose(pilot, "instance", "DS3_v2 recommended")
        await choose(pilot, "auth", "aml")
        await fill_in(pilot, "instance_count", "2")
        await fill_in(pilot, "deployment", "first")
        await shows(pilot, "2 × Standard_DS3_v2, about 0.80 USD an hour, until it is deleted")
        line = await _taken(pilot, form, f"Deploy {MODEL} on bank?", "fmtui endpoint delete bank")
        await shows(pilot, "Endpoints › bank", "2 × Standard_DS3_v2", "first", "100%")
    sent = _made(azure)
    assert sent[0][1]["properties"]["authMode"] == "AMLToken"
    assert _by_command(azure, here, "bank", line) == sent


@pytest.mark.parametrize("alone", [True, False])
async def test_a_script_of_ones_own_goes_with_it(
    alone: bool, azure: StandIn, here: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    script = _script(folder)
    (folder / "words.txt").write_text("fine")
    goes = "and nothing else of" if alone else "2 files of"
    assets.put(azure.world, "environments", "scoring", "3", {"image": "mcr.microsoft.com/x:1"})
    async with opened((120, 40)) as pilot:
        form = await _form(pilot, MODEL, "bank")
        assert "environment" not in text(pilot) and "code" not in text(pilot)
        await fill_in(pilot, "script", str(script))
        await shows(pilot, "✗ --script needs --environment")
        await fill_in(pilot, "environment", "azureml:scoring:3")
        if not alone:
            await fill_in(pilot, "code", str(folder))
        await shows(pilot, "cost", goes)
        line = await _taken(pilot, form, f"Deploy {MODEL} on bank?", goes)
        await shows(pilot, "Endpoints › bank", "blue", "100%")
    sent = _made(azure)
    deployed = next(body for path, body in sent if "/deployments/" in path)["properties"]
    assert deployed["codeConfiguration"]["scoringScript"] == "score.py"
    assert ("--code" in line) is not alone
    assert _by_command(azure, here, "bank", line) == sent


async def test_a_batch_endpoint_and_the_same_by_its_command(azure: StandIn, here: Context) -> None:
    async with opened() as pilot:
        form = await _form(pilot, MODEL, "nightly")
        await choose(pilot, "kind", "batch")
        await shows(pilot, "A cluster is needed", "billed while one runs")
        assert "the recommended one" not in text(pilot) and "opened by" not in text(pilot)
        await choose(pilot, "compute", "gpu")
        await fill_in(pilot, "instance_count", "3")
        await shows(pilot, "✗ gpu-cluster has at most 2 instances, 3 would wait for ever")
        await pilot.press("backspace", "2")
        await fill_in(pilot, "mini_batch_size", "4")
        await fill_in(pilot, "concurrency", "3")
        await choose(pilot, "default", "yes")
        await shows(pilot, "2 × Standard_NC6s_v3, about 6.20 USD an hour on gpu-cluster while a")
        line = await _taken(pilot, form, f"Deploy {MODEL} on nightly?", "nothing between jobs")
        await shows(pilot, "Endpoints › nightly", "azureml batch", "2 × gpu-cluster")
    sent = _made(azure)
    deployed = next(body for path, body in sent if "/deployments/" in path)["properties"]
    assert (deployed["miniBatchSize"], deployed["maxConcurrencyPerInstance"]) == (4, 3)
    assert _by_command(azure, here, "nightly", line) == sent


async def test_a_serverless_endpoint_is_offered_only_where_the_model_is(
    azure: StandIn, here: Context
) -> None:
    async with opened() as pilot:
        form = await _form(pilot, MODEL, "talk")
        await shows(pilot, "cost")
        assert azure_deploy.kinds_for(here, MODEL) == ["online", "batch"]
        assert await _offered(pilot) == ["online", "batch"]
        await choose(pilot, "model", CHAT)
        await pilot.app.workers.wait_for_complete()
        assert await _offered(pilot) == ["online", "batch", "serverless"]
        await choose(pilot, "kind", "serverless")
        await shows(pilot, "run by its publisher; paid for by token")
        assert "instance" not in text(pilot) and "traffic" not in text(pilot)
        await shows(pilot, "cost   paid for by token as its publisher says")
        line = await _taken(pilot, form, f"Make talk for {CHAT}?", "nothing while nobody asks")
        await shows(pilot, "Endpoints › talk", "azureml serverless", CHAT)
    sent = _made(azure)
    assert len(sent) == 1 and _by_command(azure, here, "talk", line) == sent


def _script(folder: Path) -> Path:
    script = folder / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(raw):\n    return raw\n")
    return script


async def _offered(pilot: Pilot[Any]) -> list[str]:
    """The kinds that the form offers."""
    pilot.app.screen.query_one("#kind").focus()
    await pilot.press("enter")
    await shows(pilot, "type to narrow")
    picker = pilot.app.screen
    assert isinstance(picker, Picker)
    found = [str(option.value) for option in picker.options]
    await pilot.press("escape")
    await pilot.pause()
    return found


async def test_nothing_is_made_where_the_cost_is_refused(azure: StandIn, here: Context) -> None:
    async with opened() as pilot:
        await _form(pilot, MODEL, "bank")
        await shows(pilot, "cost")
        await pilot.press("ctrl+s")
        await shows(pilot, f"Deploy {MODEL} on bank?")
        await pilot.press("n")
        await shows(pilot, "Nothing was made.")
    assert not _made(azure) and not azure_endpoints.names(here)


async def test_a_second_deployment_goes_to_the_endpoint_that_is_there(
    azure: StandIn, here: Context
) -> None:
    azure_endpoints.create(here, "bank")
    azure_endpoints.deploy(here, "bank", MODEL)
    azure_endpoints.create(here, "talk", kind="serverless", model=CHAT)
    async with opened() as pilot:
        form = DeployForm(model="azureml:gpt2@19", endpoint="bank")
        pilot.app.push_screen(form)
        seen = await shows(pilot, "is there already, in Azure ML", "fmtui endpoint deploy bank")
        assert "create" not in seen and "where" not in seen and "kind" not in seen
        await fill_in(pilot, "traffic", "20")
        await _taken(pilot, form, "Deploy azureml:gpt2@19 on bank?", "until it is deleted")
        await shows(pilot, "Endpoints › bank", "green", "20%", "80%")
        pilot.app.push_screen(DeployForm(model=MODEL, endpoint="talk"))
        await shows(pilot, "already, in Azure ML, serverless", "talk is a serverless endpoint: its")


async def test_what_is_mirrored_stays_when_the_traffic_is_shared_anew(
    azure: StandIn, here: Context
) -> None:
    azure_endpoints.create(here, "bank")
    for model in (MODEL, "azureml:gpt2@19", "azureml:bert-base-cased@19"):
        azure_endpoints.deploy(here, "bank", model, instance_type="Standard_DS3_v2")
    names = [d.name for d in azure_endpoints.last_seen(here, "bank").deployments]
    shares = dict.fromkeys(names, 0) | {names[0]: 100}
    info = azure_endpoints.traffic(here, "bank", shares, mirror={names[2]: 10})
    async with opened() as pilot:
        form = TrafficForm(info)
        pilot.app.push_screen(form)
        await shows(pilot, f" {names[2]} ", "answers nobody", f"{names[2]}=10")
        assert form.command().endswith(f"--mirror {names[2]}=10")
        await fill_in(pilot, "mirror", "x")
        await shows(pilot, f"mirror: {names[2]}: `10x` is not a whole number")
        await pilot.press("backspace", "backspace", "5")
        form.query_one("#share0", TextField).value = "80"
        form.query_one("#share1", TextField).value = "20"
        await shows(pilot, f"{names[0]}=80")
        line = form.command()
        await pilot.press("ctrl+s")
        await shows(pilot, "The traffic of bank is shared out.")
    sent = azure.world.requests("PUT", "Endpoints/bank")[-1].json["properties"]
    assert {n: share for n, share in sent["traffic"].items() if share} == {
        names[0]: 80,
        names[1]: 20,
    }
    assert sent["mirrorTraffic"] == {names[2]: 15}
    assert fmtui(*shlex.split(line)[1:]).code == 0
    again = azure.world.requests("PUT", "Endpoints/bank")[-1].json["properties"]
    assert (again["traffic"], again["mirrorTraffic"]) == (sent["traffic"], sent["mirrorTraffic"])


async def test_who_leaves_the_form_is_told_that_azure_goes_on(
    azure: StandIn, here: Context
) -> None:
    async with opened() as pilot:
        azure.world.pace = 1.0
        form = await _form(pilot, MODEL, "bank")
        await shows(pilot, "cost")
        await _taken(pilot, form, f"Deploy {MODEL} on bank?", "until it is deleted")
        await shows(pilot, "Azure creates the endpoint bank", "in progress")
        await pilot.press("ctrl+s")
        await shows(pilot, "under way already; esc leaves it, and Azure goes on.")
        await pilot.press("escape")
        await shows(pilot, "Azure goes on with bank: see the list of endpoints.")
        azure.world.pace = 0.05
        until(lambda: azure_endpoints.show(here, "bank", fresh=True).deployments)
        until(lambda: not azure_endpoints.unfinished(here))
    (blue,) = azure_endpoints.show(here, "bank", fresh=True).deployments
    assert (blue.state, blue.traffic) == ("healthy", 100)


_IMPOSSIBLE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"instance_type": "Standard_D2"}, NotFoundError, "no instance type"),
    ({"kind": "batch"}, UsageError, "which cluster"),
    ({"kind": "batch", "compute": "gpu-cluster", "instance_type": "Standard_DS3_v2"},
     UsageError, "its cluster says the instance type"),
    ({"compute": "gpu-cluster"}, UsageError, "--compute is for batch endpoints"),
    ({"mini_batch_size": 3}, UsageError, "--mini-batch-size is for batch endpoints"),
    ({"kind": "batch", "compute": "gpu-cluster", "traffic": 50}, BadInputError, "--traffic 100"),
    ({"traffic": 30}, BadInputError, "all of it or none"),
    ({"kind": "serverless"}, BadInputError, "is not offered as a serverless endpoint"),
    ({"model": "tiny:1"}, NotFoundError, "tiny"),
    ({"name": "a/b"}, BadInputError, "can't be the name of a"),
]  # fmt: skip


def test_what_can_not_be_is_refused_before_anything_is_made(
    azure: StandIn, here: Context, tmp_path: Path
) -> None:
    script = _script(tmp_path)
    scripts: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"script": Path("nowhere.py"), "environment": "python:3"}, BadInputError, "nowhere.py"),
        ({"script": script}, UsageError, "--script needs --environment"),
        (
            {"script": script, "kind": "batch", "compute": "gpu-cluster"},
            UsageError,
            "not for batch",
        ),
    ]
    for asked, error, said in [*_IMPOSSIBLE, *scripts]:
        with pytest.raises(error, match=said):
            azure_deploy.start(here, DeployRequest(**{"endpoint": "bank", "model": MODEL} | asked))
    assert not _made(azure) and not azure_endpoints.names(here)


def test_a_name_of_this_machine_is_not_made_in_azure(azure: StandIn, here: Context) -> None:
    endpoints.create(here, "bank")
    try:
        with pytest.raises(ConflictError, match="exists on this machine"):
            azure_deploy.plan(here, DeployRequest("bank", MODEL))
    finally:
        endpoints.delete(here, "bank")


def test_the_clusters_of_the_workspace_by_command(azure: StandIn, here: Context) -> None:
    done = fmtui("azure", "compute", "--json")
    assert done.json == [
        {"name": "gpu-cluster", "size": "Standard_NC6s_v3", "least": 0, "most": 2,
         "idle_seconds": 120}
    ]  # fmt: skip
    assert "0 to 2" in fmtui("azure", "compute").out


def test_options_of_azure_are_refused_for_an_endpoint_here(azure: StandIn, here: Context) -> None:
    done = fmtui("endpoint", "deploy", "bank", "--model", MODEL, "--compute", "gpu-cluster")
    assert done.code == 2 and "--compute is for endpoints in Azure ML" in done.err
