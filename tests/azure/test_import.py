"""A hub's model imported into Azure ML: what is sent, what is registered, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmtui.errors import NotFoundError, UsageError
from fmtui.services import azure_import, azure_runs, models, runs
from fmtui.services.context import Context
from fmtui.services.where import Where
from registry.views import RunInfo
from tests.azure import azurite
from tests.azure.runs import end_followers, ended, until
from tests.azure.standin import jobs
from tests.azure.standin.server import StandIn
from tests.command import fmtui


@pytest.fixture(autouse=True)
def _no_follower_stays(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    yield
    end_followers(ctx.home.root)


def test_a_model_of_the_hub_is_imported_and_registered(
    azure: StandIn, ctx: Context, uploads: azurite.Store
) -> None:
    words = ["model", "import", "hf:org/tiny-bert", "--backend", "azureml", "--name", "tiny"]
    words += ["--task", "text-classification"]
    refused = fmtui(*words)
    assert refused.code == 2 and not azure.world.jobs, "nobody was asked whether it may cost"
    assert "Import hf:org/tiny-bert into ws-models as tiny: 1 × Standard_NC6s_v3" in refused.err
    done = fmtui(*words, "--yes", "--wait", "--json")
    assert done.code == 0, done.err
    run = done.json
    assert (run["kind"], run["state"], run["output"]) == ("import", "completed", "tiny:1")

    (job,) = azure.world.jobs.values()
    (node,) = job.body["jobs"].values()
    sent = {key: value.get("value") for key, value in node["inputs"].items()}
    assert sent["model_id"] == "org/tiny-bert" and sent["custom_model_name"] == "tiny"
    assert sent["task_name"] == "text-classification" and sent["compute"] == "serverless"
    assert list(azure.world.assets["models"]["tiny"].versions) == ["1"], "registered once"

    model = models.show(ctx, "tiny")
    assert (model.run, model.task) == (run["run"], "text-classification")
    assert "workspaces/ws-models/models/tiny/versions/1" in str(model.revision)
    base = azure_runs.base_of(ctx, "tiny", "finetune")
    assert base.inputs["mlflow_model_path"] == ["mlflow_model", "azureml:tiny:1"]


@pytest.mark.parametrize(
    ("ref", "values", "error", "said"),
    [
        ("azureml:gpt2", {}, UsageError, "is no model of the hub"),
        ("hf:org/tiny@main", {}, UsageError, "takes the newest revision"),
        ("hf:org/tiny", {"task": "cooking"}, UsageError, "task_name=cooking: expected one of"),
        ("hf:org/tiny", {"where": Where(backend="azureml", compute="nowhere")}, NotFoundError,
         "no compute cluster"),
    ],
)  # fmt: skip
def test_what_can_not_be_imported(
    azure: StandIn,
    ctx: Context,
    ref: str,
    values: dict[str, object],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        azure_import.prepare(ctx, ref, **values)  # type: ignore[arg-type]
    assert not azure.world.jobs and not runs.list_runs(ctx)


def test_options_of_the_other_place_are_refused(azure: StandIn, ctx: Context) -> None:
    there = ["model", "import", "hf:org/tiny-bert"]
    done = fmtui(*there, "--backend", "azureml", "--trust-remote-code", "--yes")
    assert done.code == 2 and "is for an import to this machine" in done.err
    done = fmtui(*there, "--compute", "gpu-cluster")
    assert done.code == 2 and "--compute is for --backend azureml" in done.err


def _begun(azure: StandIn, ctx: Context) -> tuple[str, str]:
    """An import whose job runs: the run and the job."""
    azure.world.pace = 2.0
    where = Where(backend="azureml", compute="gpu-cluster")
    info = azure_import.start(ctx, azure_import.prepare(ctx, "hf:org/tiny-bert", where=where))
    (name,) = azure.world.jobs
    jobs.hold(azure.world, name)
    until(lambda: runs.show(ctx, info.run).state == "running")
    azure.world.pace = 0.02
    return info.run, name


def _nothing_came(azure: StandIn, ctx: Context, info: RunInfo) -> None:
    """No model there, none here, and one job only."""
    assert info.output is None and not models.list_models(ctx)
    assert "tiny-bert" not in (azure.world.assets.get("models") or {})
    assert len(azure.world.jobs) == 1
    assert fmtui("model", "show", "tiny-bert").code == 3


def test_an_import_that_runs_has_registered_nothing_yet(
    azure: StandIn, ctx: Context, uploads: azurite.Store
) -> None:
    run, name = _begun(azure, ctx)
    _nothing_came(azure, ctx, runs.show(ctx, run))
    jobs.release(azure.world, name)
    found = ended(ctx, run)
    assert (found.state, found.output) == ("completed", "tiny-bert:1")
    assert list(azure.world.assets["models"]["tiny-bert"].versions) == ["1"]


def test_an_import_that_fails_registers_nothing(
    azure: StandIn, ctx: Context, uploads: azurite.Store
) -> None:
    run, name = _begun(azure, ctx)
    jobs.release(azure.world, name, fail="The model needs code of its own.")
    found = ended(ctx, run)
    assert found.state == "failed" and "needs code of its own" in str(found.error)
    _nothing_came(azure, ctx, found)


def test_an_import_that_is_canceled_registers_nothing(
    azure: StandIn, ctx: Context, uploads: azurite.Store
) -> None:
    run, name = _begun(azure, ctx)
    done = fmtui("run", "cancel", run)
    assert done.code == 0, done.err
    found = ended(ctx, run)
    assert (found.state, found.error) == ("canceled", "canceled")
    assert azure.world.jobs[name].status(azure.world.now()) == "Canceled"
    _nothing_came(azure, ctx, found)


def test_an_import_canceled_in_the_studio_registers_nothing(
    azure: StandIn, ctx: Context, uploads: azurite.Store
) -> None:
    run, name = _begun(azure, ctx)
    azure.world.jobs[name].canceled = azure.world.now()
    found = ended(ctx, run)
    assert (found.state, found.error) == ("canceled", "canceled")
    _nothing_came(azure, ctx, found)
