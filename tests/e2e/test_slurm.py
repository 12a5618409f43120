"""Runs on a real Slurm: the same folder, states, log and metrics; canceled, requeued, explained."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from fmtui.runs.process import strays
from tests.e2e.cli import Cli, until
from tests.e2e.slurm import Cluster, cluster, missing
from tests.e2e.test_kill import checkpoints, made, steps_in_log

pytestmark = pytest.mark.xdist_group("slurm")

FINETUNE = (
    "finetune", "tiny", "--task", "text-classification", "--train", "train", "--name", "made",
    "--set", "learning_rate=5e-3", "--set", "logging_steps=1", "--backend", "slurm",
)  # fmt: skip


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    if missing():
        pytest.skip(f"needs Slurm, no `{missing()}`: apt-get install slurm-wlm munge")
    with cluster() as started:
        yield started


@pytest.fixture
def cli(cli: Cli, slurm: Cluster) -> Cli:
    return Cli(cli.home, slurm.env)


def start(cli: Cli, *words: str) -> tuple[str, RunFolder]:
    run = cli.json(*FINETUNE, *words, "--detach")["run"]
    return run, RunFolder(cli.home / "runs" / run)


def job_of(folder: RunFolder) -> str:
    return str(json.loads((folder.path / "slurm.json").read_text())["job"])


def test_a_model_is_finetuned_and_measured_on_the_cluster(tiny: Cli, slurm: Cluster) -> None:
    run = tiny.json(
        *FINETUNE, "--time-limit", "30", "--slurm", "comment=of fmtui",
        "--set", "num_train_epochs=2", "--wait", "-q",
    )  # fmt: skip
    assert (run["state"], run["backend"], run["output"]) == ("completed", "slurm", "made:1")
    assert run["metrics"].keys() >= {"loss", "accuracy"}
    assert made(tiny) == ["made:1"]
    folder = RunFolder(tiny.home / "runs" / run["run"])
    spec = folder.spec()
    assert spec["slurm"]["time_limit"] == "30"
    told = slurm.run("scontrol", "show", "job", job_of(folder))
    assert "TimeLimit=00:30:00" in told
    assert "Comment=of fmtui" in told
    assert f"JobName=fmtui-{run['run']}" in told
    log = tiny.run("run", "logs", run["run"]).stdout
    assert "the model is written" in log
    steps = steps_in_log(folder)
    assert steps == list(range(1, len(steps) + 1))
    points = tiny.json("run", "metrics", run["run"])
    assert [p["step"] for p in points if p["name"] == "learning_rate"] == steps

    measured = tiny.json("evaluate", "made", "--data", "test", "--backend", "slurm", "--wait", "-q")
    assert (measured["state"], measured["backend"]) == ("completed", "slurm")
    assert measured["metrics"].keys() >= {"accuracy", "f1_macro"}


def test_cancel_writes_a_checkpoint_and_leaves_nothing(tiny: Cli, slurm: Cluster) -> None:
    run, folder = start(tiny, "--set", "num_train_epochs=2000")
    waiting, _ = start(tiny, "--partition", "closed")
    assert "partition is down" in tiny.run("run", "show", waiting).stdout
    assert tiny.json("run", "cancel", waiting)["state"] == "canceled"

    until(lambda: checkpoints(folder) >= 1)
    assert tiny.json("run", "show", run)["state"] == "running"
    assert tiny.json("run", "cancel", run)["state"] == "canceled"
    assert slurm.jobs() == ""
    assert strays(folder.path) == []
    saved = folder.last_checkpoint()
    assert saved is not None
    step = int(saved.name.split("-")[1])
    assert step == steps_in_log(folder)[-1]
    tiny.run("run", "cancel", run, code=4)

    assert tiny.json("run", "resume", run)["backend"] == "slurm"
    until(lambda: len(steps_in_log(folder)) > step)
    assert steps_in_log(folder)[step] == step + 1
    assert tiny.json("run", "cancel", run)["state"] == "canceled"


def test_a_job_whose_time_is_over_is_requeued_and_goes_on(tiny: Cli, slurm: Cluster) -> None:
    run, folder = start(tiny, "--requeue", "--set", "num_train_epochs=60")
    until(lambda: checkpoints(folder) >= 2)
    job = job_of(folder)
    slurm.run("scancel", "--signal=USR2", job)  # what Slurm sends when the time is nearly over
    until(lambda: slurm.state(job) == "PENDING")
    assert tiny.json("run", "show", run)["state"] == "queued"
    assert "requeued" in tiny.run("run", "show", run).stdout
    before = steps_in_log(folder)
    slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now")

    until(lambda: folder.exit())
    ended = tiny.json("run", "show", run)
    assert (ended["state"], ended["output"]) == ("completed", "made:1")
    assert job_of(folder) == job
    after = steps_in_log(folder)
    assert after == list(range(1, after[-1] + 1))  # not one step was done twice
    assert len(after) > len(before)
    points = [p.step for p in Story(folder.journal).read().points if p.name == "learning_rate"]
    assert points == after


def test_what_the_cluster_ends_says_why(tiny: Cli, slurm: Cluster) -> None:
    run, folder = start(tiny, "--set", "num_train_epochs=2000")
    until(lambda: checkpoints(folder) >= 1)
    slurm.run("scancel", job_of(folder))
    until(lambda: tiny.json("run", "show", run)["state"] != "running")
    until(lambda: folder.exit())
    canceled = tiny.json("run", "show", run)
    assert canceled["state"] == "canceled"
    assert "canceled from outside" in canceled["error"]

    lost, folder = start(tiny, "--set", "num_train_epochs=2000")
    until(lambda: checkpoints(folder) >= 1)
    slurm.lose_node()
    try:
        until(lambda: tiny.json("run", "show", lost)["state"] == "failed")
    finally:
        slurm.restore_node()
    failed = tiny.json("run", "show", lost)
    assert f"the node {slurm.host} of Slurm's job {job_of(folder)} failed" in failed["error"]
    assert made(tiny) == []


def test_what_the_cluster_refuses_leaves_nothing(tiny: Cli, slurm: Cluster) -> None:
    done = tiny.run(*FINETUNE, "--partition", "nosuch", code=5)
    assert "no partition `nosuch`" in done.stderr
    assert "main" in done.stderr
    done = tiny.run(*FINETUNE, "--slurm", "nosuch=1", code=5)
    assert "Slurm refused the run: unrecognized option '--nosuch=1'" in done.stderr
    tiny.run(*FINETUNE, "--time-limit", "soon", code=2)
    assert tiny.json("run", "list") == []
    assert [p.name for p in (tiny.home / "runs").glob("r*")] == []
    (tiny.home / "config.toml").write_text('[slurm]\npartition = "nosuch"\n')
    tiny.run(*FINETUNE, code=5)
    (tiny.home / "config.toml").write_text("[slurm]\nnodes = true\n")
    assert "[slurm] nodes" in tiny.run(*FINETUNE, code=4).stderr
