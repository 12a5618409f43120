"""Runs on a real Slurm: the same folder, states, log and metrics; canceled, requeued, explained."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from fmtui.runs.process import strays
from tests.e2e.cli import Cli, until
from tests.e2e.slurm import Cluster, cluster, missing
from tests.e2e.test_killed import checkpoints, made, steps_in_log

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
    run, folder = start(tiny, "--requeue", "--set", "num_train_epochs=40")
    until(lambda: checkpoints(folder) >= 2)
    job = job_of(folder)
    slurm.run("scancel", "--signal=USR2", job)  # what Slurm sends when the time is nearly over
    until(lambda: slurm.state(job) == "PENDING")
    assert tiny.json("run", "show", run)["state"] == "queued"
    assert "requeued" in tiny.run("run", "show", run).stdout
    before = steps_in_log(folder)

    # Slurm begins it by itself, after cred_expire. Begun within the second in which it was
    # requeued (StartTime=now), its new credential is taken for the one that was revoked.
    until(lambda: slurm.state(job) == "RUNNING")
    until(lambda: folder.exit() or slurm.state(job) == "FAILED")
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
    node = slurm.run("squeue", "-h", "-j", job_of(folder), "-o", "%N")
    slurm.lose_node(node)
    try:
        until(lambda: tiny.json("run", "show", lost)["state"] == "failed")
    finally:
        slurm.restore_node(node)
    failed = tiny.json("run", "show", lost)
    assert f"the node {node} of Slurm's job {job_of(folder)} failed" in failed["error"]
    assert made(tiny) == []


def test_two_nodes_train_together(tiny: Cli, slurm: Cluster) -> None:
    run = tiny.json(*FINETUNE, "--nodes", "2", "--set", "num_train_epochs=2", "--wait", "-q")
    assert (run["state"], run["output"]) == ("completed", "made:1")
    folder = RunFolder(tiny.home / "runs" / run["run"])
    assert folder.spec()["layout"] | {"processes": 2, "machines": 2} == folder.spec()["layout"]
    shown = tiny.json("run", "show", run["run"])
    assert [(rank["rank"], rank["state"]) for rank in shown["ranks"]] == [
        (0, "ended"),
        (1, "ended"),
    ]
    assert "NumNodes=2" in slurm.run("scontrol", "show", "job", job_of(folder))
    assert "rows to train on" in tiny.run("run", "logs", run["run"], "--rank", "1").stdout

    run, folder = start(tiny, "--nodes", "2", "--set", "num_train_epochs=2000")
    until(lambda: checkpoints(folder) >= 1)
    assert tiny.json("run", "cancel", run)["state"] == "canceled"
    assert (slurm.jobs(), strays(folder.path)) == ("", [])
    saved = folder.last_checkpoint()
    assert saved is not None
    assert int(saved.name.split("-")[1]) == steps_in_log(folder)[-1]


def test_a_job_that_takes_too_much_memory_says_so(tiny: Cli, slurm: Cluster) -> None:
    run, folder = start(tiny, "--slurm", "mem=200M")
    until(lambda: tiny.json("run", "show", run)["state"] == "failed")
    error = tiny.json("run", "show", run)["error"]
    assert f"Slurm's job {job_of(folder)} ran out of memory; ask for more" in error


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_a_job_whose_time_is_over_ends_with_that_reason(tiny: Cli, slurm: Cluster) -> None:
    """One hears Slurm's warning and writes a checkpoint; one is stuck, and hears nothing."""
    words = ("--set", "num_train_epochs=9000")
    (tiny.home / "config.toml").write_text("[runs]\ngrace_seconds = 300\n")  # more than Slurm's
    hears, heard = start(tiny, *words, "--time-limit", "2")
    deaf, stuck = start(tiny, *words, "--time-limit", "1")
    job = job_of(stuck)

    def over() -> bool:
        for identity in strays(stuck.path):  # Slurm wakes them before it ends them
            identity.signal(signal.SIGSTOP)
        return slurm.state(job) == "TIMEOUT"

    until(over, seconds=180)
    failed = tiny.json("run", "show", deaf)
    assert failed["state"] == "failed"
    assert f"the time limit of Slurm's job {job} (00:01:00) is over" in failed["error"]
    assert strays(stuck.path) == []

    until(lambda: heard.exit(), seconds=180)
    failed = tiny.json("run", "show", hears)
    assert (failed["state"], failed["error"]) == (
        "failed",
        f"the time limit of Slurm's job {job_of(heard)} (00:02:00) is over.",
    )
    saved = heard.last_checkpoint()
    assert saved is not None
    step = int(saved.name.split("-")[1])
    assert step == steps_in_log(heard)[-1], "saved when it was warned"
    tiny.run("run", "resume", hears)
    until(lambda: steps_in_log(heard)[-1] > step)
    assert tiny.json("run", "cancel", hears)["state"] == "canceled"


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
