"""Endpoints in Azure ML: the whole life of one, what it costs, and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fmtui.errors import BadInputError, ConflictError, NotFoundError, RemoteError, RunFailedError
from fmtui.services import azure_endpoints, catalog, endpoints
from fmtui.services.context import Context
from tests.azure.runs import until
from tests.azure.standin.faults import Fault, broken, throttled
from tests.azure.standin.http import Answer, Request
from tests.azure.standin.server import StandIn
from tests.command import fmtui

MODEL = "azureml:roberta-base@19"


@pytest.fixture
def bank(azure: StandIn, ctx: Context) -> StandIn:
    """An endpoint `bank` on which nothing is deployed."""
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "bank")
    return azure


def _deploy(ctx: Context, **values: object) -> endpoints.EndpointInfo:
    options = {"instance_type": "Standard_DS3_v2", **values}
    return endpoints.deploy(ctx, "bank", MODEL, **options)  # type: ignore[arg-type]


def test_the_life_of_an_endpoint_by_command(azure: StandIn, ctx: Context, tmp_path: Path) -> None:
    catalog.sync_registry(ctx)
    done = fmtui("endpoint", "create", "bank", "--target", "azureml", "--json")
    assert done.code == 0, done.err
    assert done.json["target"] == "azureml" and done.json["state"] == "healthy"

    words = ["endpoint", "deploy", "bank", "--model", "azureml:roberta-base"]
    refused = fmtui(*words)
    assert refused.code == 2, "nobody was asked whether it may cost money"
    assert "1 × Standard_DS4_v2, about 0.80 USD an hour, until it is deleted" in refused.err
    assert "fmtui endpoint delete bank" in refused.err
    done = fmtui(*words, "--yes", "--json")
    assert done.code == 0, done.err
    (blue,) = done.json["deployments"]
    assert (blue["name"], blue["model"], blue["traffic"]) == ("blue", MODEL, 100)
    assert (blue["instance_type"], blue["instance_count"]) == ("Standard_DS4_v2", 1)
    assert done.json["url"] == "https://bank.inference.standin.test"

    body = '{"input_data": ["I lost my card"], "params": {"return_all_scores": true}}'
    answer = fmtui("endpoint", "invoke", "bank", "--body", body)
    assert json.loads(answer.out)[0]["label"] == "POSITIVE", answer.err

    done = fmtui("endpoint", "deploy", "bank", "--model", "azureml:gpt2", "--name", "green",
                 "--instance-type", "Standard_DS3_v2", "--yes", "--json")  # fmt: skip
    assert [d["traffic"] for d in done.json["deployments"]] == [100, 0]
    done = fmtui("endpoint", "traffic", "bank", "blue=100", "--mirror", "green=10", "--json")
    assert [d["mirror"] for d in done.json["deployments"]] == [0, 10], done.err
    done = fmtui("endpoint", "traffic", "bank", "blue=40", "green=60", "--json")
    assert [d["traffic"] for d in done.json["deployments"]] == [40, 60]
    fmtui("endpoint", "invoke", "bank", "--body", body, "--deployment", "green")
    assert azure.world.online["bank"].asked[-1] == "green"

    assert "Listening" in fmtui("endpoint", "logs", "bank").out
    logs = fmtui("endpoint", "logs", "bank", "--deployment", "blue", "--container",
                 "storage-initializer")  # fmt: skip
    assert "was downloaded" in logs.out
    before = fmtui("endpoint", "keys", "bank", "--json").json
    after = fmtui("endpoint", "keys", "bank", "--regenerate", "secondary", "--json").json
    assert after["primary"] == before["primary"] and after["secondary"] != before["secondary"]

    done = fmtui("endpoint", "scale", "bank/green", "--instance-count", "2", "--yes", "--json")
    assert done.json["deployments"][1]["instance_count"] == 2, done.err
    assert fmtui("endpoint", "delete", "bank/green", "--yes").code == 4, "it has traffic"
    fmtui("endpoint", "traffic", "bank", "blue=100", "green=0")
    assert fmtui("endpoint", "delete", "bank/green", "--yes").code == 0
    assert fmtui("endpoint", "stop", "bank").code == 4, "Azure's can't be stopped"
    assert fmtui("endpoint", "delete", "bank").code == 2, "nobody was asked"
    assert fmtui("endpoint", "delete", "bank", "--yes").code == 0
    assert not azure.world.online and not endpoints.list_endpoints(ctx)


def test_the_log_of_the_page_has_both_containers(bank: StandIn, ctx: Context) -> None:
    path = azure_endpoints.log_path(ctx, "bank")
    assert path.read_text().count("nothing is deployed") == 2
    _deploy(ctx)
    azure_endpoints.show(ctx, "bank", fresh=True)
    first, second = (
        azure_endpoints.log_path(ctx, "bank").read_text().split("── inference-server ──")
    )
    assert "── storage-initializer ──" in first and "was downloaded" in first
    assert "Listening" in second


def test_an_endpoint_of_this_machine_is_not_hidden_by_one_of_the_workspace(
    bank: StandIn, ctx: Context
) -> None:
    (ctx.home.root / "azure-endpoints" / "bank.json").unlink()
    endpoints.create(ctx, "bank")
    done = fmtui("endpoint", "list", "--target", "azureml", "--json")
    assert done.json == []
    assert "bank of the workspace is left out: an endpoint here has that name" in done.err
    assert [(e.name, e.target) for e in endpoints.list_endpoints(ctx)] == [("bank", "local")]
    endpoints.delete(ctx, "bank")
    done = fmtui("endpoint", "list", "--target", "azureml", "--json")
    assert [e["endpoint"] for e in done.json] == ["bank"]


def test_lists_ask_nobody_unless_told_to(bank: StandIn, ctx: Context) -> None:
    _deploy(ctx)
    asked = len(bank.world.exchanges)
    (seen,) = endpoints.list_endpoints(ctx)
    assert (seen.name, seen.target, seen.deployments[0].traffic) == ("bank", "azureml", 100)
    assert len(bank.world.exchanges) == asked
    (ctx.home.root / "azure-endpoints" / "bank.json").unlink()
    assert not endpoints.list_endpoints(ctx)
    done = fmtui("endpoint", "list", "--target", "azureml", "--json")
    assert [e["endpoint"] for e in done.json] == ["bank"], "it is taken in again"
    assert endpoints.show(ctx, "bank").deployments[0].model == MODEL


def test_names_are_taken_once(bank: StandIn, ctx: Context) -> None:
    with pytest.raises(ConflictError):
        azure_endpoints.create(ctx, "bank")
    with pytest.raises(ConflictError, match="exists in Azure"):
        endpoints.create(ctx, "bank")
    (ctx.home.root / "azure-endpoints" / "bank.json").unlink()
    with pytest.raises(ConflictError, match="the workspace has an endpoint"):
        azure_endpoints.create(ctx, "bank")


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"instance_type": "Standard_D2_v2"}, BadInputError, "has 2 cores, .* needs at least 4"),
        ({"instance_type": "Standard_Q"}, NotFoundError, "no instance type"),
        ({"instance_count": 30}, RemoteError, "the quota does not suffice"),
    ],
)
def test_what_can_not_be_deployed(
    bank: StandIn, ctx: Context, values: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        _deploy(ctx, **values)
    assert not endpoints.show(ctx, "bank").deployments
    with pytest.raises(BadInputError, match="is no model in Azure ML"):
        endpoints.deploy(ctx, "bank", "hf:org/model")


def test_a_region_without_the_type_is_said(bank: StandIn, ctx: Context) -> None:
    words = "The instance type Standard_DS3_v2 is not supported in this region."
    refused = Answer(400, {"error": {"code": "BadArgument", "message": words}})
    bank.world.faults.plan(Fault("PUT", "/deployments/", None, answer=refused))
    with pytest.raises(RemoteError, match="not supported in this region") as caught:
        _deploy(ctx)
    assert "fmtui azure sizes" in str(caught.value.hint)


def test_a_deployment_that_fails_tells_its_containers_last_words(
    bank: StandIn, ctx: Context
) -> None:
    bank.world.failing_models["roberta"] = "Loading\nOSError: Unable to open model.safetensors\n"
    with pytest.raises(RunFailedError) as caught:
        _deploy(ctx)
    assert "OSError: Unable to open model.safetensors" in str(caught.value)
    assert "it may bill until `fmtui endpoint delete bank/blue`" in str(caught.value)
    info = endpoints.show(ctx, "bank")
    assert [(d.name, d.state, d.traffic) for d in info.deployments] == [("blue", "failed", 0)]
    assert endpoints.delete_deployment(ctx, "bank", "blue").deployments == ()


def test_faults_in_the_middle_of_an_operation_are_waited_out(bank: StandIn, ctx: Context) -> None:
    faults = bank.world.faults
    faults.plan(Fault("GET", "mfeOperationsStatus", 1, answer=broken()))
    faults.plan(Fault("GET", "mfeOperationsStatus", 1, answer=throttled("1")))
    assert _deploy(ctx).deployments[0].state == "healthy"
    assert len(bank.world.requests("PUT", "/deployments/")) == 1


def test_an_answer_that_is_cut_makes_no_second_endpoint(azure: StandIn, ctx: Context) -> None:
    def cut(request: Request, answer: Answer) -> Answer:
        answer.cut = 5
        return answer

    azure.world.faults.plan(Fault("PUT", "/onlineEndpoints/", 1, after=cut))
    try:
        azure_endpoints.create(ctx, "bank")
    except RemoteError:
        pass
    assert len(azure.world.online) == 1
    until(lambda: azure_endpoints.show(ctx, "bank", fresh=True).state == "healthy")
    assert len(endpoints.list_endpoints(ctx)) == 1


def test_a_kill_in_the_middle_of_a_deployment_is_gone_on_with(bank: StandIn, ctx: Context) -> None:
    """The process is gone, Azure goes on; the next look finds it and shares the traffic."""
    bank.world.pace = 1.5
    words = ["endpoint", "deploy", "bank", "--model", MODEL, "--yes"]
    maker = subprocess.Popen([sys.executable, "-m", "fmtui", *words])
    until(lambda: "blue" in bank.world.online["bank"].deployments)
    maker.kill()
    maker.wait()
    (seen,) = endpoints.list_endpoints(ctx)
    assert seen.state == "updating", "the list says that something is under way"
    info = azure_endpoints.show(ctx, "bank", fresh=True)
    assert info.deployments[0].state == "creating" and info.state == "creating"
    bank.world.pace = 0.02
    until(lambda: azure_endpoints.show(ctx, "bank", fresh=True).state == "healthy")
    (blue,) = endpoints.show(ctx, "bank").deployments
    assert (blue.name, blue.traffic) == ("blue", 100)
    assert len(bank.world.online["bank"].deployments) == 1


def test_an_interrupt_leaves_word_of_what_goes_on(
    bank: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fmtui.azure.endpoints.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _deploy(ctx)
    monkeypatch.undo()
    (seen,) = endpoints.list_endpoints(ctx)
    assert seen.state == "updating"


def test_an_endpoint_that_somebody_deleted_is_said(bank: StandIn, ctx: Context) -> None:
    bank.world.online.clear()
    info = azure_endpoints.show(ctx, "bank", fresh=True)
    assert info.state == "failed" and "no such endpoint (any more)" in str(info.error)
    assert fmtui("endpoint", "invoke", "bank", "--body", "{}").code == 3
    assert fmtui("endpoint", "delete", "bank", "--yes").code == 0


def test_a_request_for_each_task_is_at_hand(bank: StandIn, ctx: Context) -> None:
    endpoints.deploy(ctx, "bank", "azureml:t5-small@19", instance_type="Standard_DS3_v2")
    sample = json.loads(endpoints.sample_request(ctx, "bank"))
    assert sample["input_data"] == ["The house is big."]
    result = endpoints.invoke(ctx, "bank", json.dumps(sample))
    assert result.status == 200 and "generated" in result.body and result.deployment == "blue"


def test_what_is_begun_while_somebody_looks_stays_noted(
    bank: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fmtui.azure import endpoints as verbs
    from fmtui.services._azure_endpoints import begin

    look = verbs.look

    def slow(*words: Any) -> Any:
        found = look(*words)
        begin(ctx, "bank", {"what": "deploy", "deployment": "blue", "since": time.time()})
        return found

    monkeypatch.setattr(verbs, "look", slow)
    azure_endpoints.show(ctx, "bank", fresh=True)
    assert azure_endpoints.unfinished(ctx) == ["bank"], "a kill now would not be gone on with"


def test_a_look_does_not_bring_back_what_was_deleted_meanwhile(
    bank: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fmtui.azure import endpoints as verbs

    look = verbs.look

    def slow(*words: Any) -> Any:
        found = look(*words)
        monkeypatch.setattr(verbs, "look", look)
        azure_endpoints.delete(ctx, "bank")
        return found

    monkeypatch.setattr(verbs, "look", slow)
    with pytest.raises(NotFoundError):
        azure_endpoints.show(ctx, "bank", fresh=True)
    assert not azure_endpoints.names(ctx)
