"""Runs on Azure ML: what is sent, what comes back into the run's folder, what can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmtui.errors import BadInputError, ConflictError, NotFoundError, RemoteError, UsageError
from fmtui.runs.folder import RunFolder
from fmtui.services import azure as azure_service
from fmtui.services import azure_runs, catalog, finetune, models, runs
from fmtui.services._azure_models import address_of, base_of, check_workspace
from fmtui.services.context import Context
from fmtui.services.where import Where
from tests.azure import azurite
from tests.azure.runs import end_followers, ended, followers, until
from tests.azure.standin import assets, jobs
from tests.azure.standin.faults import Fault, broken, throttled, unauthorized
from tests.azure.standin.http import Answer, Request
from tests.azure.standin.server import StandIn
from tests.command import fmtui
from tests.tiny import write_messages


@pytest.fixture(autouse=True)
def _no_follower_stays(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    monkeypatch.setenv("FMTUI_AZURE_IN_FLIGHT_SECONDS", "8")
    yield
    end_followers(ctx.home.root)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_messages(tmp_path / "train.csv", 60)


def _request(train: str, **values: Any) -> finetune.FinetuneRequest:
    where = values.pop("where", Where(backend="azureml"))
    return finetune.FinetuneRequest(
        model=values.pop("model", "azureml:roberta-base@19"),
        task=values.pop("task", "text-classification"),
        train=train,
        where=where,
        **values,
    )


def _asset(azure: StandIn, name: str = "messages") -> str:
    uri = f"azureml://datastores/workspaceblobstore/paths/{name}.jsonl"
    assets.put(azure.world, "data", name, "1", {"dataType": "uri_file", "dataUri": uri})
    return f"azureml:{name}:1"


_COLUMNS = {"text": "message", "label": "intent"}


def _inputs(azure: StandIn) -> dict[str, Any]:
    """What the one job's node was given."""
    (job,) = azure.world.jobs.values()
    (node,) = job.body["jobs"].values()
    return {k: v.get("value", v.get("uri")) for k, v in node["inputs"].items()}


def test_a_model_is_finetuned_registered_and_downloaded(
    azure: StandIn, ctx: Context, data: Path, uploads: azurite.Store
) -> None:
    azure.world.pace = 0.5
    catalog.sync_registry(ctx)
    done = fmtui(
        "finetune", "azureml:roberta-base", "--task", "text-classification", "--train", str(data),
        "--backend", "azureml", "--name", "bank", "--set", "learning_rate=3e-5",
        "--set", "num_train_epochs=2", "--azure-tag", "team=cards", "--wait", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    run = done.json
    assert run["state"] == "completed" and run["backend"] == "azureml"
    assert run["output"] == "bank:1"
    assert run["metrics"]["f1_macro"] == 0.91

    inputs = _inputs(azure)
    assert inputs["mlflow_model_path"].endswith("/models/roberta-base/versions/19")
    assert (inputs["sentence1_key"], inputs["label_key"]) == ("text", "label")
    assert inputs["learning_rate"] == "3e-05" and inputs["num_train_epochs"] == "2"
    assert inputs["apply_lora"] == "true", "the publisher's defaults are sent"
    assert inputs["compute_finetune"] == "serverless"
    assert inputs["instance_type_finetune"] == "Standard_NC24rs_v3", "the first recommended"
    assert inputs["number_of_gpu_to_use_finetuning"] == "4"
    (job,) = azure.world.jobs.values()
    assert job.body["tags"]["team"] == "cards" and job.body["experimentName"] == "fmtui"

    log = (ctx.home.runs / "r1" / "log.txt").read_text()
    assert log.count("step 59 loss") == 1, "each line once"
    assert "Completed" in log
    curve = [p.value for p in runs.metrics(ctx, "r1") if p.name == "loss"]
    assert len(curve) >= 10

    registered = azure.world.assets["models"]["bank"]
    assert list(registered.versions) == ["1"]
    model = models.show(ctx, "bank")
    assert model.run == "r1" and "workspaces/ws-models/models/bank" in str(model.revision)
    with pytest.raises(BadInputError, match="fmtui model download bank:1"):
        finetune.start(ctx, _request(str(data), model="bank", where=Where()))
    done = fmtui("model", "download", "bank", "--json")
    assert done.code == 0, done.err
    assert done.json["architecture"] == "BertModel" and done.json["size_bytes"] > 10_000
    assert models.verify(ctx, "bank").ok
    assert fmtui("model", "download", "bank").code == 4, "it is here already"

    base = base_of(ctx, "bank", "inference")
    assert address_of(base) == "azureml:bank:1", "it lies in the workspace still"
    check_workspace(base, azure_service.settings(ctx))
    other = azure_service.settings(ctx, {"workspace": "elsewhere"})
    with pytest.raises(ConflictError, match="lies in the workspace ws-models, not in elsewhere"):
        check_workspace(base, other)


@pytest.mark.parametrize(
    ("task", "columns", "keys"),
    [
        ("token-classification", {"tokens": "words", "tags": "ner"},
         {"token_key": "words", "tag_key": "ner"}),
        ("question-answering",
         {"question": "question", "context": "context", "answers": "answers"},
         {"question_key": "question", "context_key": "context", "answers_key": "answers",
          "answer_start_key": "answer_start", "answer_text_key": "text"}),
        ("summarization", {"document": "article", "summary": "highlights"},
         {"document_key": "article", "summary_key": "highlights"}),
        ("translation", {"source": "en", "target": "ro"},
         {"source_lang": "en", "target_lang": "ro"}),
        ("text-generation", {"text": "prompt", "ground_truth": "answer"},
         {"text_key": "prompt", "ground_truth_key": "answer"}),
    ],
)  # fmt: skip
def test_every_task_has_its_component_and_keys(
    azure: StandIn, ctx: Context, task: str, columns: dict[str, str], keys: dict[str, str]
) -> None:
    where = Where(backend="azureml", compute="gpu-cluster")
    request = _request(_asset(azure), task=task, columns=columns, where=where, name="tuned")
    info = finetune.start(ctx, request)
    assert ended(ctx, info.run).state == "completed"
    inputs = _inputs(azure)
    assert {key: inputs[key] for key in keys} == keys
    assert inputs["train_file_path"].endswith("/data/messages/versions/1")
    assert inputs["compute_finetune"] == "gpu-cluster"
    assert "instance_type_finetune" not in inputs
    assert models.show(ctx, "tuned").task == task


_FILES = {
    "token-classification": (
        [{"tokens": ["Ann", "works"], "tags": ["B-PER", "O"]}],
        {"token_key": "tokens", "tag_key": "tags"},
    ),
    "question-answering": (
        [{"question": "Who?", "context": "Ann works.", "answers": {"text": ["Ann"],
                                                                  "answer_start": [0]}}],
        {"answers_key": "answers", "answer_start_key": "answer_start", "answer_text_key": "text"},
    ),
    "summarization": (
        [{"document": "A long text of many words indeed.", "summary": "A text."}],
        {"document_key": "document", "summary_key": "summary"},
    ),
    "translation": (
        [{"source": "good day", "target": "buna ziua"}],
        {"source_lang": "source", "target_lang": "target"},
    ),
    "text-generation": (
        [{"prompt": "Say hello", "text": "hello"}],
        {"text_key": "text", "ground_truth_key": "ground_truth"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("task", list(_FILES))
def test_rows_of_every_task_are_written_as_its_component_reads_them(
    azure: StandIn, ctx: Context, tmp_path: Path, task: str
) -> None:
    rows, keys = _FILES[task]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows * 4))
    settings = {"validation_fraction": "0"}
    where = Where(backend="azureml", compute="gpu-cluster")
    ready = azure_runs.prepare_finetune(
        ctx, _request(str(path), task=task, settings=settings, where=where)
    )
    assert {key: ready.inputs[key] for key in keys} == keys
    lines = [json.loads(line) for line in ready.data.files["data/train.jsonl"].splitlines()]
    assert len(lines) == 4
    for key, column in keys.items():
        if key not in ("answer_start_key", "answer_text_key"):
            assert column in lines[0], lines[0]
    if task == "question-answering":
        assert lines[0]["answers"] == rows[0]["answers"]


def test_the_hubs_models_go_in_by_their_id(azure: StandIn, ctx: Context) -> None:
    where = Where(backend="azureml", instance_type="Standard_NC6s_v3")
    request = _request(_asset(azure), model="hf:org/model", columns=_COLUMNS, where=where)
    finetune.start(ctx, request)
    assert _inputs(azure)["huggingface_id"] == "org/model"


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"settings": {"learning_rat": "1"}}, UsageError, "Nearest: learning_rate"),
        ({"settings": {"warmup_ratio": "0.1"}}, UsageError, "no such input"),
        ({"settings": {"num_train_epochs": "1.5"}}, UsageError, "takes whole epochs"),
        ({"settings": {"num_train_epochs": "0"}}, UsageError, "expected a number"),
        ({"settings": {"lr_scheduler_type": "steep"}}, UsageError, "expected one of linear"),
        ({"where": Where(backend="azureml", compute="gpu")}, NotFoundError, "gpu-cluster"),
        ({"where": Where(backend="azureml", instance_type="Standard_DS3_v2")}, BadInputError,
         "has 0 GPUs, azureml:roberta-base@19 needs at least 1"),
        ({"where": Where(backend="azureml", instance_type="Standard_X")}, NotFoundError,
         "no instance type"),
        ({"where": Where(backend="azureml", partition="gpu")}, UsageError, "of Slurm's"),
        ({"columns": {"text": "message"}}, UsageError, "which columns of the data asset are label"),
        ({"columns": {"txt": "message"}}, UsageError, "no column role `txt`"),
    ],
)  # fmt: skip
def test_what_can_not_be_sent_begins_nothing(
    azure: StandIn, ctx: Context, values: dict[str, Any], error: type[Exception], said: str
) -> None:
    catalog.sync_registry(ctx)
    request = _request(_asset(azure), **{"columns": _COLUMNS, **values})
    with pytest.raises(error) as caught:
        finetune.start(ctx, request)
    assert said in str(caught.value)
    assert not azure.world.jobs and not runs.list_runs(ctx)
    assert finetune.plan(ctx, request).errors == (str(caught.value),)


def test_the_plan_tells_what_it_costs(azure: StandIn, ctx: Context) -> None:
    catalog.sync_registry(ctx)
    plan = finetune.plan(ctx, _request(_asset(azure), columns=_COLUMNS))
    assert plan.estimate == "1 × Standard_NC24rs_v3, about 12.40 USD an hour while it runs"


def test_quota_is_said_and_leaves_nothing(azure: StandIn, ctx: Context) -> None:
    azure.world.quota["Standard_NC"] = 3
    where = Where(backend="azureml", instance_type="Standard_NC6s_v3")
    with pytest.raises(RemoteError, match="the quota does not suffice") as caught:
        finetune.start(ctx, _request(_asset(azure), columns=_COLUMNS, where=where))
    assert "ask for quota" in str(caught.value.hint)  # type: ignore[attr-defined]
    assert not azure.world.jobs and not runs.list_runs(ctx)
    assert not list(ctx.home.runs.glob("r*"))


def _started(azure: StandIn, ctx: Context, **values: Any) -> str:
    """A run whose job stays in the state Running."""
    azure.world.pace = 30.0
    where = Where(backend="azureml", compute="gpu-cluster")
    request = _request(_asset(azure), columns=_COLUMNS, where=where, name="bank", **values)
    info = finetune.start(ctx, request)
    (name,) = azure.world.jobs
    now = azure.world.now()
    azure.world.jobs[name].stages = [(now - 2, "NotStarted"), (now - 1, "Running")]
    azure.world.pace = 0.02
    until(lambda: runs.show(ctx, info.run).state == "running")
    return info.run


def test_canceling_ends_the_job(azure: StandIn, ctx: Context) -> None:
    run = _started(azure, ctx)
    assert fmtui("run", "cancel", run).code == 0
    assert runs.show(ctx, run).state == "canceled"
    (job,) = azure.world.jobs.values()
    assert job.status(azure.world.now()) == "Canceled"


def test_a_failed_job_says_which_step_and_why(azure: StandIn, ctx: Context) -> None:
    run = _started(azure, ctx)
    (name,) = azure.world.jobs
    jobs.release(azure.world, name, fail="CUDA out of memory")
    info = ended(ctx, run)
    assert info.state == "failed"
    assert "CUDA out of memory" in str(info.error)
    assert "bank" not in azure.world.assets.get("models", {})


def test_a_killed_follower_is_replaced_and_no_line_is_twice(azure: StandIn, ctx: Context) -> None:
    run = _started(azure, ctx)
    log = ctx.home.runs / run / "log.txt"
    until(lambda: log.exists() and "step 20 " in log.read_text())
    (pid,) = followers(ctx.home.root)
    os.kill(pid, signal.SIGKILL)
    folder = RunFolder(ctx.home.runs / run)
    until(lambda: not folder.held())
    (name,) = azure.world.jobs
    jobs.release(azure.world, name)
    os.utime(folder.path / "followed", (0, 0))
    assert ended(ctx, run).state == "completed"
    text = log.read_text()
    assert [text.count(f"step {n} loss") for n in (5, 20, 40, 59)] == [1, 1, 1, 1]
    assert len(azure.world.jobs) == 1
    assert list(azure.world.assets["models"]["bank"].versions) == ["1"]


def test_faults_of_the_service_are_waited_out(azure: StandIn, ctx: Context) -> None:
    run = _started(azure, ctx)
    faults = azure.world.faults
    faults.plan(Fault("GET", "/history/", 2, answer=throttled("0")))
    faults.plan(Fault("GET", "/history/", 2, answer=broken()))
    faults.plan(Fault("GET", "/history/", 1, answer=unauthorized()))

    def cut(request: Request, answer: Answer) -> Answer:
        answer.cut = len(answer.body) // 2
        return answer

    faults.plan(Fault("GET", "^/logs/", 3, after=cut))
    (name,) = azure.world.jobs
    jobs.release(azure.world, name)
    assert ended(ctx, run).state == "completed"
    text = (ctx.home.runs / run / "log.txt").read_text()
    assert [text.count(f"step {n} loss") for n in range(60)] == [1] * 60


def test_a_service_that_is_away_is_said_and_waited_for(azure: StandIn, ctx: Context) -> None:
    run = _started(azure, ctx)
    azure.world.faults.plan(Fault("GET", "/jobs/", None, answer=unauthorized()))
    until(lambda: runs.show(ctx, run).state == "not_responding")
    assert "the sign-in is not valid" in str(runs.status(ctx, run).queue_reason)
    azure.world.faults.clear()
    (name,) = azure.world.jobs
    jobs.release(azure.world, name)
    assert ended(ctx, run).state == "completed"


@pytest.mark.parametrize("word", ["/jobs/", "/registries/azureml/components/"])
def test_a_run_whose_maker_was_killed_makes_no_second_job(
    azure: StandIn, ctx: Context, word: str
) -> None:
    """The job's name is chosen before it is sent: after a kill it is found, or it never was."""
    method = "PUT" if word == "/jobs/" else "GET"
    azure.world.faults.plan(Fault(method, word, None, skip=int(method == "GET"), delay=2.0))
    words = ["finetune", "azureml:roberta-base@19", "--task", "text-classification", "--train",
             _asset(azure), "--columns", "text=message,label=intent", "--compute", "gpu-cluster",
             "--backend", "azureml", "--name", "bank"]  # fmt: skip
    maker = subprocess.Popen([sys.executable, "-m", "fmtui", *words])
    spec = ctx.home.runs / "r1" / "spec.json"
    until(lambda: spec.exists() and azure.world.faults.planned[0].spoiled)
    maker.kill()
    maker.wait()
    azure.world.faults.clear()
    info = ended(ctx, "r1")
    if method == "PUT":
        assert info.state == "completed" and len(azure.world.jobs) == 1
    else:
        assert info.state == "failed" and "never handed to Azure ML" in str(info.error)
        assert not azure.world.jobs


def test_an_answer_that_is_cut_makes_no_second_job(azure: StandIn, ctx: Context) -> None:
    where = Where(backend="azureml", compute="gpu-cluster")
    request = _request(_asset(azure), columns=_COLUMNS, where=where, name="bank")

    def cut(request: Request, answer: Answer) -> Answer:
        answer.cut = 10
        return answer

    azure.world.faults.plan(Fault("PUT", "/jobs/", 1, after=cut))
    info = finetune.start(ctx, request)
    assert ended(ctx, info.run).state == "completed"
    assert len(azure.world.jobs) == 1


def test_a_job_from_elsewhere_is_adopted_once(azure: StandIn, ctx: Context) -> None:
    _started(azure, ctx)
    (name,) = azure.world.jobs
    end_followers(ctx.home.root)
    runs.dispatch(ctx)
    assert fmtui("run", "adopt", name).code == 4, "it is r1 already"
    assert fmtui("run", "adopt", "no-such-job").code == 3
    folder = RunFolder(ctx.home.runs / "r1")
    until(lambda: not folder.held())
    spec = json.loads((folder.path / "spec.json").read_text())
    spec["azure"]["job"] = "another"
    (folder.path / "spec.json").write_text(json.dumps(spec))
    done = fmtui("run", "adopt", name, "--json")
    assert done.code == 0, done.err
    jobs.release(azure.world, name)
    assert ended(ctx, done.json["run"]).state == "completed"
    assert "step 59 loss" in (ctx.home.runs / done.json["run"] / "log.txt").read_text()


def test_an_evaluation_on_azure_reads_its_figures(
    azure: StandIn, ctx: Context, data: Path, uploads: azurite.Store
) -> None:
    done = fmtui(
        "evaluate", "azureml:distilbert-base-uncased-finetuned-sst-2-english@19", "--task",
        "text-classification", "--data", str(data), "--backend", "azureml", "--instance-type",
        "Standard_DS4_v2", "--wait", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["metrics"]["accuracy"] == 0.92
    inputs = _inputs(azure)
    assert inputs["task"] == "text-classification"
    assert inputs["input_column_names"] == "text" and inputs["label_column_name"] == "label"
    assert inputs["device"] == "auto"
    assert (runs.report(ctx, "r1") or {})["metrics"]["f1_macro"] == 0.91
    report = fmtui("run", "report", "r1")
    assert report.code == 0 and "0.92" in report.out, report.err


@pytest.mark.parametrize(
    ("task", "name"),
    [("token-classification", "text-named-entity-recognition"),
     ("question-answering", "question-answering"), ("summarization", "text-summarization"),
     ("translation", "text-translation"), ("text-generation", "text-generation")],
)  # fmt: skip
def test_every_task_is_evaluated_under_its_name(
    azure: StandIn, ctx: Context, task: str, name: str
) -> None:
    from fmtui.services.evaluate import EvaluateRequest

    uri = "azureml://datastores/workspaceblobstore/paths/test/"
    assets.put(azure.world, "data", "test", "1", {"dataType": "uri_folder", "dataUri": uri})
    where = Where(backend="azureml", compute="gpu-cluster")
    request = EvaluateRequest("azureml:gpt2@19", "azureml:test:1", task=task, where=where)
    ready = azure_runs.prepare_evaluate(ctx, request)
    assert ready.inputs["task"] == name
    azure_runs.start_evaluate(ctx, request)
    assert _inputs(azure)["label_column_name"]
