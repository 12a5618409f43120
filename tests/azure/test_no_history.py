"""Jobs whose history is told late, in another way or not at all: the job itself says its state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.azure import jobs
from fmtui.azure.connection import connect
from fmtui.azure.errors import translated
from fmtui.errors import RemoteError
from fmtui.services import azure_runs, evaluate, finetune
from fmtui.services.context import Context
from fmtui.services.where import Where
from tests.azure import azurite
from tests.azure.runs import end_followers, ended
from tests.azure.standin import jobs as standin_jobs
from tests.azure.standin.faults import Fault
from tests.azure.standin.http import Answer, RefusalError, Request
from tests.azure.standin.server import StandIn
from tests.tiny import write_messages

NOT_ALLOWED = RefusalError(403, "Forbidden", "Not now.").answer()
NOWHERE = RefusalError(404, "NotFound", "There is no such run.").answer()


@pytest.fixture(autouse=True)
def _no_follower_stays(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield
    end_followers(ctx.home.root)


def _start(ctx: Context, folder: Path) -> str:
    train = write_messages(folder / "train.csv", 30)
    return finetune.start(
        ctx,
        finetune.FinetuneRequest(
            model="azureml:roberta-base@19",
            task="text-classification",
            train=str(train),
            name="bank",
            where=Where(backend="azureml", compute="gpu-cluster"),
        ),
    ).run


def test_a_job_without_a_history_ends_as_it_ended(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    azure.world.faults.plan(Fault("GET", r"^/history/", None, answer=NOWHERE))
    done = ended(ctx, _start(ctx, tmp_path))
    assert (done.state, done.output) == ("completed", "bank:1")


def test_a_job_whose_history_has_no_steps_shows_its_own_log(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    azure.world.pace = 0.3
    azure.world.faults.plan(Fault("GET", r"^/history/.*/children$", None, answer=NOWHERE))
    run = _start(ctx, tmp_path)
    assert ended(ctx, run).state == "completed"
    log = (ctx.home.runs / run / "log.txt").read_text()
    assert log.count("step 59 loss") == 1, "each line once"


def test_logs_of_the_older_layout_are_read(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    def older(_: Request, answer: Answer) -> Answer:
        files = (answer.json or {}).get("logFiles") or {}
        answer.json["logFiles"] = {
            name.replace("user_logs/std_log", "azureml-logs/70_driver_log"): address
            for name, address in files.items()
        }
        return answer

    azure.world.pace = 0.3
    azure.world.faults.plan(Fault("GET", r"^/history/.*/details$", None, after=older))
    run = _start(ctx, tmp_path)
    assert ended(ctx, run).state == "completed"
    assert "step 59 loss" in (ctx.home.runs / run / "log.txt").read_text()


def test_states_in_small_letters_and_unknown_ones(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    def small(_: Request, answer: Answer) -> Answer:
        status = (answer.json or {}).get("status")
        if status is not None:
            answer.json["status"] = "Unknown" if status == "Finalizing" else status.lower()
        return answer

    azure.world.pace = 0.3
    azure.world.faults.plan(Fault("GET", r"^/history/.*/details$", None, after=small))
    run = _start(ctx, tmp_path)
    assert ended(ctx, run).state == "completed"
    assert jobs.state_of("Unknown", "queued") == "queued", "what says nothing changes nothing"


def test_a_model_without_flavors_is_registered(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    def bare(_: Request, answer: Answer) -> Answer:
        (answer.json or {}).get("properties", {}).pop("flavors", None)
        return answer

    for method in ("PUT", "GET"):
        azure.world.faults.plan(Fault(method, "/models/bank/versions", None, after=bare))
    assert ended(ctx, _start(ctx, tmp_path)).output == "bank:1"


def test_figures_of_an_evaluation_are_asked_for_again(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    ended(ctx, _start(ctx, tmp_path))
    azure.world.faults.plan(Fault("POST", r"/rundata$", 1, answer=NOT_ALLOWED))
    request = evaluate.EvaluateRequest(
        model="bank",
        data=str(tmp_path / "train.csv"),
        where=Where(backend="azureml", compute="gpu-cluster"),
    )
    run = evaluate.start(ctx, request).run
    assert ended(ctx, run).state == "completed"
    assert json.loads((ctx.home.runs / run / "output" / "report.json").read_text())["metrics"]


@pytest.mark.parametrize(
    ("outputs", "made"),
    [({"mlflow_model_folder": {"jobOutputType": "mlflow_model"}}, "studio-run-1:1"), ({}, None)],
)
def test_a_job_of_the_studio_is_adopted_with_what_it_made(
    azure: StandIn,
    ctx: Context,
    uploads: azurite.Store,
    outputs: dict[str, dict[str, str]],
    made: str | None,
) -> None:
    body = {
        "jobType": "Pipeline", "displayName": "studio run / 1", "outputs": outputs,
        "jobs": {"tune": {"componentId": "tune", "type": "command"}},
    }  # fmt: skip
    azure.world.jobs["by-hand"] = standin_jobs._scheduled(azure.world, "by-hand", body)
    run = azure_runs.adopt(ctx, "by-hand", given={}).run
    done = ended(ctx, run)
    assert (done.state, done.output, done.error) == ("completed", made, None)
    registered = azure.world.assets.get("models", {}).get("studio-run-1")
    assert (registered is None) == (made is None)
    if registered is not None:
        address = registered.versions["1"]["properties"]["modelUri"]
        assert address.endswith("/azureml/by-hand/mlflow_model_folder/")


def test_an_answer_that_the_sdk_cant_read_is_a_sentence(azure: StandIn, ctx: Context) -> None:
    def bare(_: Request, answer: Answer) -> Answer:
        for found in answer.json.get("value") or [answer.json]:
            found["properties"]["componentSpec"]["inputs"] = {"kind": {"of": "none"}}
        return answer

    azure.world.faults.plan(Fault("GET", "/import_model/", None, after=bare))
    with pytest.raises(RemoteError, match="can't read the component import_model: Azure's SDK"):
        jobs.component(connect(ctx.home, {}), "import_model")
    with pytest.raises(KeyError), translated("do it"):
        {}["a fault of ours stays one"]
