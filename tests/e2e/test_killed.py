"""kill -9 of any one process: no false state, no lost line, no model twice."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from fmtui.runs.process import Identity
from tests.e2e.cli import Cli, until

LONG = (
    "finetune", "tiny", "--task", "text-classification", "--train", "train", "--name", "made",
    "--set", "learning_rate=5e-3", "--set", "logging_steps=1",
)  # fmt: skip


def folder_of(cli: Cli, run: str) -> RunFolder:
    return RunFolder(cli.home / "runs" / run)


def kill(path: Path) -> None:
    identity = Identity.load(path)
    assert identity is not None
    assert identity.signal(signal.SIGKILL)
    until(lambda: not identity.alive())


def checkpoints(folder: RunFolder) -> int:
    return folder.journal.read_text().count('"checkpoint"') if folder.journal.exists() else 0


def steps_in_log(folder: RunFolder) -> list[int]:
    return [int(n) for n in re.findall(r"step (\d+) loss", folder.log.read_text())]


def made(cli: Cli) -> list[str]:
    return [m["ref"] for m in cli.json("model", "list") if m["name"] == "made"]


def test_a_killed_worker_is_told_of_and_resumed_from_its_checkpoint(tiny: Cli) -> None:
    run = tiny.json(*LONG, "--set", "num_train_epochs=60", "--detach")["run"]
    folder = folder_of(tiny, run)
    until(lambda: checkpoints(folder) >= 2)
    kill(folder.path / "worker.json")
    until(lambda: folder.exit())

    shown = tiny.json("run", "show", run)
    assert shown["state"] == "failed"
    assert "SIGKILL" in shown["error"]
    assert made(tiny) == []
    before = steps_in_log(folder)
    assert before == list(range(1, len(before) + 1))
    saved = folder.last_checkpoint()
    assert saved is not None
    step = int(saved.name.split("-")[1])

    ended = tiny.json("run", "resume", run, "--wait", "-q")
    assert ended["state"] == "completed"
    assert ended["output"] == "made:1"
    assert made(tiny) == ["made:1"]
    after = steps_in_log(folder)
    assert after[len(before)] == step + 1
    assert after[len(before) :] == list(range(step + 1, after[-1] + 1))
    points = [p.step for p in Story(folder.journal).read().points if p.name == "learning_rate"]
    assert points == list(range(1, after[-1] + 1))


def test_a_run_outlives_its_supervisor_and_the_command_that_started_it(tiny: Cli) -> None:
    command = tiny.start(*LONG, "--set", "num_train_epochs=30", "--wait")
    folder = folder_of(tiny, "r1")
    until(lambda: checkpoints(folder) >= 1)
    queued = tiny.json(*LONG, "--set", "num_train_epochs=1", "--detach")
    assert queued["state"] == "queued"
    assert "waits for a free slot" in tiny.run("run", "show", "r2").stdout
    os.kill(command.pid, signal.SIGKILL)
    command.communicate()
    kill(folder.path / "supervisor.json")
    assert tiny.json("run", "show", "r1")["state"] == "running"

    until(lambda: folder.exit() and not folder.held())
    states = {r["run"]: r for r in tiny.json("run", "list")}
    assert states["r1"]["state"] == "completed"
    assert states["r1"]["output"] == "made:1"
    steps = steps_in_log(folder)
    assert steps == list(range(1, len(steps) + 1))
    # Nobody was left to start the next run: whoever looked did.
    until(lambda: tiny.json("run", "show", "r2")["state"] == "completed")
    assert made(tiny) == ["made:2", "made:1"]


def test_a_run_whose_processes_are_all_gone_is_not_shown_as_running(tiny: Cli) -> None:
    run = tiny.json(*LONG, "--set", "num_train_epochs=300", "--detach")["run"]
    folder = folder_of(tiny, run)
    until(lambda: checkpoints(folder) >= 1)
    kill(folder.path / "supervisor.json")
    kill(folder.path / "worker.json")
    until(lambda: not folder.held())
    assert [r["state"] for r in tiny.json("run", "list")] == ["failed"]
    shown = tiny.json("run", "show", run)
    assert "are gone" in shown["error"]
    tiny.run("run", "cancel", run, code=4)

    tiny.run("run", "resume", run)
    until(lambda: '"resumed"' in folder.journal.read_text())
    assert tiny.json("run", "cancel", run)["state"] == "canceled"
    assert not folder.held()
    assert json.loads((folder.path / "exit.json").read_text())["resumable"] is True
    ended = folder.last_checkpoint()
    assert ended is not None


def test_a_model_is_registered_once_however_many_look(tiny: Cli) -> None:
    run = tiny.json(*LONG, "--set", "num_train_epochs=1", "--detach")["run"]
    folder = folder_of(tiny, run)
    until(lambda: (folder.path / "worker.json").exists())
    kill(folder.path / "supervisor.json")  # so that only those who look below can register it
    until(lambda: folder.exit())
    lookers = [tiny.start("run", "list", "--json") for _ in range(4)]
    for looker in lookers:
        out, err = looker.communicate()
        assert looker.returncode == 0, err
        assert json.loads(out)[0]["output"] == "made:1"
    assert made(tiny) == ["made:1"]
