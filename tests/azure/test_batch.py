"""Batch endpoints in Azure ML: made, deployed to, given a file, followed as a run, deleted."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.azure import submission
from fmtui.errors import BadInputError, ConflictError, NotFoundError, UsageError
from fmtui.runs.folder import RunFolder
from fmtui.services import azure_batch, azure_endpoints, catalog, endpoints, runs
from fmtui.services.context import Context
from tests.azure import azurite
from tests.azure.runs import end_followers, ended
from tests.azure.standin import jobs, outputs
from tests.azure.standin.server import StandIn
from tests.command import fmtui

MODEL = "azureml:roberta-base@19"


@pytest.fixture(autouse=True)
def _no_follower_stays(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield
    end_followers(ctx.home.root)


@pytest.fixture
def nightly(azure: StandIn, ctx: Context) -> StandIn:
    """A batch endpoint `nightly` with one deployment, `blue`."""
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "nightly", kind="batch")
    azure_endpoints.deploy(ctx, "nightly", MODEL, compute="gpu-cluster")
    return azure


def _rows(path: Path, count: int = 5) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("number", "message"), *((n, f"card {n}") for n in range(count))])
    return path


def test_the_life_of_a_batch_endpoint_by_command(
    azure: StandIn, ctx: Context, uploads: azurite.Store, tmp_path: Path
) -> None:
    catalog.sync_registry(ctx)
    words = ["endpoint", "create", "nightly", "--target", "azureml", "--kind", "batch"]
    done = fmtui(*words, "--json")
    assert done.code == 0, done.err
    assert (done.json["kind"], done.json["state"]) == ("batch", "healthy")
    assert fmtui("batch", "invoke", "nightly", "--data", "x.csv", "--yes").code == 4

    words = ["endpoint", "deploy", "nightly", "--model", MODEL]
    assert "which cluster shall its jobs run on?" in fmtui(*words, "--yes").err
    words += ["--compute", "gpu-cluster", "--instance-count", "2"]
    refused = fmtui(*words)
    assert refused.code == 2, "nobody was asked whether it may cost money"
    assert "on nightly: 2 × Standard_NC6s_v3, about 6.20 USD an hour" in refused.err
    assert "while a job runs, nothing between jobs" in refused.err
    done = fmtui(*words, "--yes", "--json")
    assert done.code == 0, done.err
    (blue,) = done.json["deployments"]
    assert (blue["name"], blue["model"], blue["traffic"]) == ("blue", MODEL, 100)
    assert (blue["instance_type"], blue["instance_count"]) == ("gpu-cluster", 2)
    assert "billed while a job runs" in fmtui("endpoint", "show", "nightly").out

    words = ["batch", "invoke", "nightly", "--data", str(_rows(tmp_path / "rows.csv"))]
    words += ["--columns", "input_string=message"]
    refused = fmtui(*words)
    assert refused.code == 2 and not azure.world.jobs, "nobody was asked"
    assert "by nightly/blue: 2 × Standard_NC6s_v3, about 6.20 USD an hour" in refused.err
    done = fmtui(*words, "--yes", "--wait", "--json")
    assert done.code == 0, done.err
    run = done.json
    assert (run["kind"], run["backend"], run["state"]) == ("batch", "azureml", "completed")
    answers = ctx.home.runs / run["run"] / "output" / "answers" / "predictions.csv"
    lines = answers.read_text().splitlines()
    assert len(lines) == 5 and '"card 4"' in lines[4], "the one column that was chosen came there"
    (job,) = azure.world.jobs.values()
    assert job.body["experimentName"] == "fmtui"
    assert "Completed" in (ctx.home.runs / run["run"] / "log.txt").read_text()

    assert fmtui("endpoint", "delete", "nightly").code == 2, "nobody was asked"
    assert fmtui("endpoint", "delete", "nightly", "--yes").code == 0
    assert not azure.world.batch and not endpoints.list_endpoints(ctx)


def test_a_job_that_wrote_no_answers_is_looked_at_again_and_then_has_failed(
    nightly: StandIn,
    ctx: Context,
    uploads: azurite.Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outputs, "answer", lambda *_: None)
    run = azure_batch.start(ctx, "nightly", str(_rows(tmp_path / "rows.csv"))).run
    done = ended(ctx, run)
    assert done.state == "failed" and "wrote no answers" in str(done.error)
    told = (ctx.home.runs / run / "follower.txt").read_text()
    assert told.count("wrote no answers") > 1, "they might just not be seen yet"


def test_one_deployment_takes_the_jobs_that_name_none(nightly: StandIn, ctx: Context) -> None:
    info = azure_endpoints.deploy(ctx, "nightly", "azureml:gpt2@19", compute="gpu-cluster")
    assert [(d.name, d.traffic) for d in info.deployments] == [("blue", 100), ("green", 0)]
    assert azure_batch.plan(ctx, "nightly").deployment.name == "blue"
    assert azure_batch.plan(ctx, "nightly/green").deployment.model == "azureml:gpt2@19"
    with pytest.raises(BadInputError, match="one deployment takes all jobs"):
        endpoints.traffic(ctx, "nightly", {"blue": 50, "green": 50})
    endpoints.traffic(ctx, "nightly", {"green": 100})
    assert azure_batch.plan(ctx, "nightly").deployment.name == "green"
    assert [d.name for d in endpoints.delete_deployment(ctx, "nightly", "blue").deployments] == [
        "green"
    ]
    with pytest.raises(ConflictError, match="has 100% of the traffic"):
        azure_endpoints.deploy(ctx, "nightly", MODEL, compute="gpu-cluster")
        endpoints.delete_deployment(ctx, "nightly", "green")


def test_what_a_batch_endpoint_has_not_is_said(nightly: StandIn, ctx: Context) -> None:
    for words in (["keys"], ["logs"], ["invoke", "--body", "{}"]):
        done = fmtui("endpoint", words[0], "nightly", *words[1:])
        assert done.code == 4 and "is a batch endpoint: it has no" in done.err, words
    assert fmtui("endpoint", "scale", "nightly/blue", "--instance-count", "2", "--yes").code == 4
    with pytest.raises(UsageError, match="not for batch"):
        azure_endpoints.deploy(
            ctx, "nightly", MODEL, compute="gpu-cluster", script=Path("score.py")
        )
    with pytest.raises(NotFoundError, match="no compute cluster"):
        azure_endpoints.deploy(ctx, "nightly", MODEL, compute="nowhere")
    with pytest.raises(UsageError, match="no such way"):
        azure_endpoints.create(ctx, "other", kind="batch", auth="key")
    assert fmtui("endpoint", "create", "here", "--kind", "batch").code == 2


def test_a_data_asset_is_answered_where_it_lies_and_a_job_can_be_canceled(
    nightly: StandIn, ctx: Context
) -> None:
    nightly.world.pace = 2.0
    uri = "azureml://datastores/workspaceblobstore/paths/rows.csv"
    info = azure_batch.start(ctx, "nightly", uri)
    (name,) = nightly.world.jobs
    jobs.hold(nightly.world, name)
    assert RunFolder(ctx.home.runs / info.run).spec()["azure"]["job"] == name
    nightly.world.pace = 0.02
    runs.cancel(ctx, info.run)
    assert ended(ctx, info.run).state == "canceled"
    assert len(nightly.world.requests("POST", "/batch/")) == 1
    with pytest.raises(ConflictError, match="no batch endpoint"):
        azure_batch.plan(ctx, "elsewhere")


def test_a_wrong_column_starts_no_job(nightly: StandIn, ctx: Context, tmp_path: Path) -> None:
    rows = str(_rows(tmp_path / "rows.csv"))
    with pytest.raises(BadInputError, match="no column `text`"):
        azure_batch.start(ctx, "nightly", rows, columns={"input_string": "text"})
    assert not nightly.world.jobs and not runs.list_runs(ctx)


def test_those_made_elsewhere_are_taken_in(nightly: StandIn, ctx: Context) -> None:
    (ctx.home.root / "azure-endpoints" / "nightly.json").unlink()
    (found,) = azure_endpoints.list_endpoints(ctx)
    assert (found.name, found.kind, found.state) == ("nightly", "batch", "healthy")
    (seen,) = endpoints.list_endpoints(ctx)
    assert seen.kind == "batch"


def test_handing_a_job_over_twice_makes_one(nightly: StandIn, ctx: Context) -> None:
    """As after a kill between Azure's answer and our note of it."""
    uri = "azureml://datastores/workspaceblobstore/paths/rows.csv"
    info = azure_batch.start(ctx, "nightly", uri)
    folder = RunFolder(ctx.home.runs / info.run)
    submission.submit(folder)
    assert len(nightly.world.jobs) == 1
    assert len(nightly.world.requests("POST", "/batch/")) == 1
