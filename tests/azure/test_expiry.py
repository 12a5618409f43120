"""Tokens that end in the middle: by their time, by a clock that is wrong, or taken back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from fmtui.azure.connection import connect
from fmtui.errors import RemoteError, SignInError
from fmtui.runs.folder import RunFolder
from fmtui.services import azure as service
from fmtui.services import azure_endpoints, catalog, endpoints, finetune, runs
from fmtui.services.context import Context
from fmtui.services.where import Where
from tests.azure.runs import end_followers, ended, until
from tests.azure.standin import accounts, assets, jobs
from tests.azure.standin import world as facts
from tests.azure.standin.arm import BASE
from tests.azure.standin.server import StandIn
from tests.azure.standin.world import World
from tests.command import fmtui

MODEL = "azureml:roberta-base@19"


@pytest.fixture(autouse=True)
def _alone(ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield
    end_followers(ctx.home.root)


@pytest.fixture
def short(azure: StandIn) -> World:
    """Tokens last two seconds."""
    azure.world.token_seconds = 2
    return azure.world


def _run(ctx: Context, world: World) -> str:
    """A finetune whose job runs until it is released."""
    uri = "azureml://datastores/workspaceblobstore/paths/messages.jsonl"
    assets.put(world, "data", "messages", "1", {"dataType": "uri_file", "dataUri": uri})
    world.pace = 30.0
    info = finetune.start(
        ctx,
        finetune.FinetuneRequest(
            model=MODEL, task="text-classification", train="azureml:messages:1", name="bank",
            columns={"text": "message", "label": "intent"},
            where=Where(backend="azureml", compute="gpu-cluster"),
        ),
    )  # fmt: skip
    (name,) = world.jobs
    now = world.now()
    world.jobs[name].stages = [(now - 2, "NotStarted"), (now - 1, "Running")]
    world.pace = 0.02
    until(lambda: runs.show(ctx, info.run).state == "running")
    return info.run


def _release(world: World) -> None:
    (name,) = world.jobs
    jobs.release(world, name)


def _used(world: World, tokens: int) -> bool:
    return len(set(world.used_tokens())) >= tokens


def _once(ctx: Context, world: World, run: str) -> None:
    """One job, one model, each line of the log once."""
    assert len(world.jobs) == 1
    assert list(world.assets["models"]["bank"].versions) == ["1"]
    text = (ctx.home.runs / run / "log.txt").read_text()
    assert [text.count(f"step {n} loss") for n in range(60)] == [1] * 60


def test_the_service_refuses_a_token_whose_time_is_past(short: World, ctx: Context) -> None:
    token = connect(ctx.home).token().token
    short.clock_skew += 3
    url = f"{facts.MANAGEMENT}{BASE}"
    answer = requests.get(
        url,
        params={"api-version": "2024-10-01-preview"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_finetune_outlives_its_tokens(short: World, ctx: Context) -> None:
    run = _run(ctx, short)
    used = len(set(short.used_tokens()))
    for more in (1, 2, 3):
        short.clock_skew += 3  # every token that there is has ended by now
        until(partial(_used, short, used + more))
    _release(short)
    assert ended(ctx, run).state == "completed"
    assert _used(short, used + 4)
    _once(ctx, short, run)


def test_a_deployment_outlives_its_tokens(short: World, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "bank")
    short.pace = 1.2
    before = len(set(short.used_tokens()))
    info = endpoints.deploy(ctx, "bank", MODEL, instance_type="Standard_DS3_v2")
    assert [(d.name, d.state, d.traffic) for d in info.deployments] == [("blue", "healthy", 100)]
    assert len(set(short.used_tokens())) > before + 2
    assert len(short.requests("PUT", "/deployments/")) == 1


def test_a_run_whose_secret_is_taken_back_goes_on_after_a_sign_in(
    short: World, ctx: Context
) -> None:
    """It waits in a clear state, keeps nobody busy, and goes on by itself after `azure login`."""
    run = _run(ctx, short)
    short.secrets["client-of-tests"] = "another~" + "x" * 20
    until(lambda: runs.show(ctx, run).state == "not_responding")
    said = str(runs.status(ctx, run).queue_reason)
    assert "the client secret is wrong (AADSTS7000215)" in said
    assert "Set AZURE_CLIENT_SECRET anew" in said
    folder = RunFolder(ctx.home.runs / run)
    until(lambda: not folder.held())
    asked = len(short.exchanges)
    for _ in range(5):
        assert runs.show(ctx, run).state == "not_responding"
    assert len(short.exchanges) == asked, "a refused secret is not sent again and again"
    _release(short)
    service.sign_in(ctx, lambda words: accounts.enter(short, words.split()[-1]))
    assert ended(ctx, run).state == "completed"
    _once(ctx, short, run)


def test_a_run_goes_on_with_the_secret_of_whoever_looks(
    short: World, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(ctx, short)
    new = "another~" + "x" * 20
    short.secrets["client-of-tests"] = new
    until(lambda: runs.show(ctx, run).state == "not_responding")
    until(lambda: not RunFolder(ctx.home.runs / run).held())
    _release(short)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", new)
    assert ended(ctx, run).state == "completed"
    _once(ctx, short, run)


def test_a_deployment_whose_secret_is_taken_back_is_gone_on_with(
    short: World, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "bank")
    new, short.pace = "another~" + "x" * 20, 1.5
    words = ["endpoint", "deploy", "bank", "--model", MODEL, "--yes"]
    maker = subprocess.Popen(
        [sys.executable, "-m", "fmtui", *words], stderr=subprocess.PIPE, text=True
    )
    until(lambda: "blue" in short.online["bank"].deployments)
    short.secrets["client-of-tests"] = new
    _, err = maker.communicate(timeout=60)
    assert maker.returncode == 5, err
    assert "the client secret is wrong" in err and "Set AZURE_CLIENT_SECRET anew" in err
    assert "may go on in Azure, and bill: `fmtui endpoint show bank` looks" in err
    assert azure_endpoints.unfinished(ctx) == ["bank"], "what was begun is not forgotten"
    with pytest.raises(SignInError):
        azure_endpoints.show(ctx, "bank", fresh=True)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", new)
    until(lambda: azure_endpoints.show(ctx, "bank", fresh=True).state == "healthy")
    (blue,) = endpoints.show(ctx, "bank").deployments
    assert (blue.name, blue.traffic) == ("blue", 100)
    assert not azure_endpoints.unfinished(ctx)
    assert len(short.requests("PUT", "/deployments/")) == 1, "no second deployment"


def test_a_clock_that_was_set_back_is_said_and_gone_on_with(azure: StandIn, ctx: Context) -> None:
    """To this machine its token is good for an hour, to Azure it has ended: a new one is asked."""
    world = azure.world
    run = _run(ctx, world)
    connection = connect(ctx.home)
    connection.token()
    world.clock_skew += 3 * 3600
    until(lambda: runs.show(ctx, run).state == "not_responding" or _used(world, 5))
    _release(world)
    assert ended(ctx, run).state == "completed"
    _once(ctx, world, run)
    connection.retries = 0
    connection.token()
    with pytest.raises(RemoteError, match="the clock of this machine is 180 minutes earlier"):
        azure_endpoints.list_endpoints(ctx)
    assert fmtui("azure", "status").code == 0, "the next call signs in anew"


def test_a_token_of_a_person_that_is_refused_is_replaced(azure: StandIn, ctx: Context) -> None:
    """The cache on the disk would give it out until its time is past by this machine's clock."""
    world = azure.world
    service.sign_in(ctx, lambda words: accounts.enter(world, words.split()[-1]))
    assert fmtui("azure", "status").code == 0
    world.clock_skew += 3 * 3600
    done = fmtui("azure", "status")
    assert done.code == 5 and "the clock of this machine is 180 minutes earlier" in done.out
    assert fmtui("azure", "status").code == 0, "the sign-in itself is still good"
    assert len(world.devices) == 1
