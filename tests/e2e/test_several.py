"""One run in several processes, by accelerate: the same result, and one that dies is named."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file

from fmtui.runs import ranks
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from fmtui.runs.process import strays
from tests.e2e.cli import Cli, until
from tests.e2e.test_killed import checkpoints, made, steps_in_log
from tests.tiny import write_bert

TWO = (
    "finetune", "tiny", "--task", "text-classification", "--train", "train", "--name", "made",
    "--set", "learning_rate=5e-3", "--set", "logging_steps=1", "--num-processes", "2",
)  # fmt: skip


def folder_of(cli: Cli, run: str) -> RunFolder:
    return RunFolder(cli.home / "runs" / run)


@pytest.fixture
def without_dropout(tmp_path: Path) -> Path:
    """A model without what is random in training, so that two ways can be compared; it knows more
    words than the rows have."""
    folder = write_bert(tmp_path / "still-bert", others=100)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_two_processes_make_the_model_that_one_makes(tiny: Cli, without_dropout: Path) -> None:
    tiny.run("model", "import", str(without_dropout), "--name", "still")
    words = (
        "finetune", "still", "--task", "text-classification", "--train", "train",
        "--set", "num_train_epochs=3", "--set", "learning_rate=2e-3", "--set", "precision=32",
        "--set", "logging_steps=1", "--wait", "-q",
    )  # fmt: skip
    one = tiny.json(*words, "--name", "one", "--set", "per_device_train_batch_size=32")
    two = tiny.json(
        *words, "--name", "two", "--set", "per_device_train_batch_size=16", "--num-processes", "2"
    )
    assert (one["state"], two["state"]) == ("completed", "completed")
    alone, together = folder_of(tiny, one["run"]), folder_of(tiny, two["run"])
    assert not (alone.path / "accelerate.yaml").exists()
    for folder in (alone, together):
        assert "word embeddings are trained" in folder.log.read_text()

    # The same steps, the same losses, the same weights, but for the order of sums.
    assert steps_in_log(together) == steps_in_log(alone)
    losses = [
        [p.value for p in Story(f.journal).read().points if (p.split, p.name) == ("train", "loss")]
        for f in (alone, together)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)
    assert two["metrics"]["loss"] == pytest.approx(one["metrics"]["loss"], rel=2e-3)
    weights = [load_file(f.output / "model" / "model.safetensors") for f in (alone, together)]
    assert weights[0].keys() == weights[1].keys()
    assert all(weights[1][name] == pytest.approx(w, abs=5e-3) for name, w in weights[0].items())

    # What a person finds: the config, a log for each, both in the run's page.
    config = yaml.safe_load((together.path / "accelerate.yaml").read_text())
    assert (config["num_processes"], config["num_machines"]) == (2, 1)
    shown = tiny.json("run", "show", two["run"])
    assert [(r["rank"], r["state"]) for r in shown["ranks"]] == [(0, "ended"), (1, "ended")]
    assert "log.rank1.txt" in tiny.run("run", "show", two["run"]).stdout
    assert "rows to train on" in tiny.run("run", "logs", two["run"], "--rank", "1").stdout
    events = [json.loads(line)["event"] for line in together.journal.read_text().splitlines()]
    assert events.count("checkpoint") == 3  # and not one for each process
    assert together.spec()["layout"]["processes"] == 2


def test_a_rank_that_dies_ends_the_run_and_is_named(tiny: Cli) -> None:
    run = tiny.json(*TWO, "--set", "num_train_epochs=2000", "--detach")["run"]
    folder = folder_of(tiny, run)
    until(lambda: checkpoints(folder) >= 1)
    victim = ranks.load(folder, 1)
    assert victim is not None
    assert victim.identity.signal(signal.SIGKILL)
    until(lambda: folder.exit() and not folder.held())
    failed = tiny.json("run", "show", run)
    assert failed["state"] == "failed"
    assert f"rank 1 (pid {victim.pid} on {socket.gethostname()}) was killed" in failed["error"]
    assert strays(folder.path) == []
    assert not any(rank.identity.alive() for rank in ranks.all_ranks(folder))

    # It goes on from its checkpoint, in two processes again; cancel stops both at one step.
    saved = folder.last_checkpoint()
    assert saved is not None
    step = int(saved.name.split("-")[1])
    tiny.run("run", "resume", run)
    until(lambda: steps_in_log(folder)[-1] > step and checkpoints(folder) >= 2)
    assert tiny.json("run", "cancel", run)["state"] == "canceled"
    assert strays(folder.path) == []
    last = folder.last_checkpoint()
    assert last is not None
    assert int(last.name.split("-")[1]) == steps_in_log(folder)[-1]
    assert made(tiny) == []


def test_nothing_goes_on_without_the_launcher_and_the_supervisor(tiny: Cli) -> None:
    run = tiny.json(*TWO, "--set", "num_train_epochs=2000", "--detach")["run"]
    folder = folder_of(tiny, run)
    until(lambda: checkpoints(folder) >= 1)
    supervisor = folder.supervisor()
    first = ranks.load(folder, 0)
    assert supervisor is not None
    assert first is not None
    launcher = int(Path(f"/proc/{first.pid}/stat").read_text().split(") ")[1].split()[1])
    supervisor.signal(signal.SIGKILL)
    os.kill(launcher, signal.SIGKILL)
    until(lambda: not strays(folder.path))
    assert tiny.json("run", "list")[0]["state"] == "failed"


def test_two_machines_meet_and_train_together(tiny: Cli) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = tiny.json(
        *TWO, "--num-machines", "2", "--main-address", f"127.0.0.1:{port}",
        "--set", "num_train_epochs=60", "--detach",
    )["run"]  # fmt: skip
    folder = folder_of(tiny, run)
    tiny.run("run", "join", run, "--machine", "2", code=2)
    until(lambda: tiny.json("run", "show", run)["state"] == "starting")
    words = f"waits for the other machine: `fmtui run join {run}` there"
    assert words in tiny.run("run", "show", run).stdout
    joined = tiny.start("run", "join", run, "--machine", "1")
    until(lambda: checkpoints(folder) >= 1)
    victim = ranks.load(folder, 1)
    assert victim is not None
    assert victim.identity.signal(signal.SIGKILL)
    _, err = joined.communicate()
    assert joined.returncode == 6
    assert err.splitlines()[-1].endswith("was killed. See log.rank1.txt.")
    assert "Traceback" not in err, "what the launcher says of it is in that log"
    assert "ChildFailedError" in ranks.log_of(folder, 1).read_text()
    until(lambda: folder.exit() and not folder.held())

    tiny.run("run", "resume", run)
    joined = tiny.start("run", "join", run, "--machine", "1")
    _, err = joined.communicate()
    assert joined.returncode == 0, err
    until(lambda: folder.exit())
    ended = tiny.json("run", "show", run)
    assert (ended["state"], ended["output"]) == ("completed", "made:1")
    assert [rank["state"] for rank in ended["ranks"]] == ["ended", "ended"]
    assert "waits for" not in tiny.run("run", "show", run).stdout
    config = yaml.safe_load((folder.path / "accelerate.yaml").read_text())
    assert (config["num_machines"], config["main_process_port"]) == (2, port)
    tiny.run("run", "join", run, code=4)


def test_what_can_not_be_is_refused_before_anything_starts(tiny: Cli) -> None:
    assert "evenly" in tiny.run(*TWO, "--num-machines", "3", code=2).stderr
    tiny.run(*TWO, "--distributed", "magic", code=2)
    alone = (*TWO[: TWO.index("--num-processes")], "--distributed", "fsdp")
    assert "several processes" in tiny.run(*alone, code=2).stderr
    bare = Cli(tiny.home, {"CUDA_VISIBLE_DEVICES": ""})  # of a machine without a GPU
    for parts in ("fsdp", "deepspeed"):
        done = bare.run(*TWO, "--distributed", parts, code=2)
        assert "this machine has none" in done.stderr or "not installed" in done.stderr
        assert len(done.stderr.splitlines()) <= 2
    slurm = ("--backend", "slurm", "--distributed", "fsdp")
    assert "needs GPUs" in tiny.run(*TWO, *slurm, code=2).stderr
    assert tiny.json("run", "list") == []
