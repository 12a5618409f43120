"""Sweeps: a grid of queued runs, names that do not collide, and the best of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fmtui.errors import NotFoundError, UsageError
from fmtui.services import data, finetune, models, queue, runs, sweep, trackers
from fmtui.services.context import Context
from fmtui.services.finetune import FinetuneRequest
from registry.views import RunInfo
from tests.command import fmtui
from tests.tiny import write_messages


@pytest.fixture
def paused(ctx: Context, bert: Path, tmp_path: Path) -> Context:
    """A model, data, and a queue that starts nothing."""
    ctx.db.prepare()
    models.import_model(ctx, str(bert), name="tiny")
    data.add(ctx, write_messages(tmp_path / "messages.csv", 60))
    queue.set_paused(ctx, None, True)
    return ctx


REQUEST = FinetuneRequest(model="tiny", task="text-classification", train="messages")


def settled(ctx: Context, info: RunInfo, f1: float | None) -> None:
    """The run ends with that figure, or without one."""
    metrics, state = ({"f1_macro": f1}, "completed") if f1 else ({}, "failed")
    folder = ctx.home.runs / info.run
    (folder / "exit.json").write_text(json.dumps({"state": state, "ended": "2026-01-01"}))
    with ctx.db.write() as connection:
        connection.execute(
            "UPDATE run SET state = ?, metrics = ? WHERE id = ?",
            (state, json.dumps(metrics), info.id),
        )


def test_several_keys_make_the_grid(paused: Context) -> None:
    values = sweep.grid(["learning_rate=1e-5,3e-5", "num_train_epochs=1, 2"])
    infos = sweep.start(paused, REQUEST, values)
    specs = [runs.spec(paused, info.run) for info in infos]
    assert [(s["settings"]["learning_rate"], s["settings"]["num_train_epochs"]) for s in specs] == [
        (1e-5, 1.0), (1e-5, 2.0), (3e-5, 1.0), (3e-5, 2.0),
    ]  # fmt: skip
    assert {s["group"] for s in specs} == {"tiny-messages-sweep"}
    assert [s["name"] for s in specs] == [f"tiny-messages-sweep-{n}" for n in (1, 2, 3, 4)]
    assert {info.state for info in infos} == {"queued"}
    again = sweep.start(paused, REQUEST, {"seed": ["1", "2"]})
    assert [info.name for info in again] == ["tiny-messages-sweep2-1", "tiny-messages-sweep2-2"]
    assert [i.run for i in sweep.members(paused, "tiny-messages-sweep2")] == ["r6", "r5"]


def test_a_fault_anywhere_makes_no_run(paused: Context) -> None:
    for values in ({"learning_rate": ["1e-5", "fast"]}, {"lerning_rate": ["1e-5"]}):
        with pytest.raises(UsageError):
            sweep.start(paused, REQUEST, values)
    for words in (["learning_rate"], ["seed="], ["seed=1", "seed=2"]):
        with pytest.raises(UsageError):
            sweep.grid(words)
    assert runs.list_runs(paused) == []


def test_the_best_comes_first(paused: Context) -> None:
    request = replace(REQUEST, settings={"apply_lora": "true"})
    infos = sweep.start(paused, request, {"lora_r": ["1", "2", "3"]})
    for info, f1 in zip(infos, (0.7, None, 0.9), strict=True):
        settled(paused, info, f1)
    found = sweep.results(paused, "tiny-messages-sweep")
    assert (found.metric, found.best) == ("f1_macro", "r3")
    assert [run.run for run in found.runs] == ["r3", "r1", "r2"]
    assert found.settings == ({"lora_r": 3}, {"lora_r": 1}, {"lora_r": 2})
    shown = fmtui("run", "sweep", "tiny-messages-sweep").out.splitlines()
    assert shown[1].split() == ["r3", "completed", "3", "0.9000", "◂", "best", "–"]
    with pytest.raises(NotFoundError):
        sweep.results(paused, "nothing")


def test_the_command_line_makes_and_lists_a_sweep(paused: Context) -> None:
    words = ["--task", "text-classification", "--train", "messages", "--sweep", "seed=1,2"]
    made = fmtui("finetune", "tiny", *words, "--name", "bank", "--json").json
    assert (made["group"], len(made["runs"])) == ("bank-sweep", 2)
    finetune.start(paused, REQUEST)
    listed = fmtui("run", "list", "--group", "bank-sweep", "--json").json
    assert [run["run"] for run in listed] == ["r2", "r1"]
    assert fmtui("finetune", "tiny", *words, "--set", "seed=5").code == 2


def test_runs_that_were_validated_on_other_rows_have_no_best(paused: Context) -> None:
    for values, best in (({"seed": ["1", "2"]}, False), ({"learning_rate": ["1", "0.1"]}, True)):
        infos = sweep.start(paused, REQUEST, values)
        for info, f1 in zip(infos, (0.7, 0.9), strict=True):
            settled(paused, info, f1)
        group = str(runs.spec(paused, infos[0].run)["group"])
        assert (sweep.results(paused, group).best is not None) is best
        said = fmtui("run", "sweep", group).out
        assert ("were validated on different rows: none is best" in said) is not best


def test_the_plan_of_a_sweep_is_that_of_all_its_runs(paused: Context) -> None:
    words = ["--task", "text-classification", "--train", "messages", "--dry-run"]
    done = fmtui("finetune", "tiny", *words, "--sweep", "seed=1,2", "--sweep", "lora_r=4,8",
                 "--set", "apply_lora=true")  # fmt: skip
    assert "seed=1,2   lora_r=4,8   (4 runs like this)" in done.out, done.err
    line = done.out.rstrip().rpartition("$ fmtui ")[2]
    assert "--sweep seed=1,2 --sweep lora_r=4,8" in line
    for wrong in (
        ["--sweep", "seed=1,x"],
        ["--sweep", "lora_r=4"],
        ["--report-to", "tensorbord"],
        ["--set", "early_stopping_patience=2", "--set", "validation_fraction=0"],
    ):
        assert fmtui("finetune", "tiny", *words, *wrong).code != 0, wrong
    fmtui(*line.split())
    assert len(runs.list_runs(paused)) == 4


def test_a_tracker_that_is_not_there_is_refused(
    paused: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda module: None)
    assert trackers.chosen([]) == [] and trackers.chosen(["none"]) == []
    done = fmtui("finetune", "tiny", "--task", "text-classification", "--train", "messages",
                 "--report-to", "tensorboard")  # fmt: skip
    assert done.code == 2 and "tensorboard is not installed" in done.err
    assert fmtui("finetune", "tiny", "--task", "text-classification", "--train", "messages",
                 "--report-to", "tensorbord").code == 2  # fmt: skip
    assert runs.list_runs(paused) == []
    monkeypatch.setattr(trackers, "find_spec", lambda module: object())
    assert trackers.chosen([]) == ["tensorboard"]
    assert trackers.chosen(["wandb", "mlflow", "wandb"]) == ["wandb", "mlflow"]


def test_warnings_are_shown_where_a_run_is_made(paused: Context) -> None:
    data.split(paused, "messages", validation=0.2, test=0.2)
    words = ["finetune", "tiny", "--task", "text-classification", "--train"]
    told = "its splits train, validation, test are taken together: `messages@train` takes one"
    done = fmtui(*words, "messages")
    assert done.code == 0 and told in done.err and told not in done.out
    assert told in runs.spec(paused, "r1")["warnings"][0]
    assert told in fmtui(*words, "messages", "--sweep", "seed=1,2").err
    for quiet in (["messages@train"], ["messages", "--quiet"]):
        assert told not in fmtui(*words, *quiet).err
    assert told in fmtui("evaluate", "tiny", "--data", "messages").err
