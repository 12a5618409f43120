"""What other tools draw of a run: TensorBoard's event files hold what the journal holds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.runs.checkpoints import checkpoint_step
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from tests.e2e.cli import Cli, until
from tests.e2e.test_killed import kill, steps_in_log

FINETUNE = (
    "finetune", "tiny", "--task", "text-classification", "--train", "train",
    "--set", "logging_steps=1", "--set", "num_train_epochs=1", "--wait", "-q",
)  # fmt: skip


def scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    """The values in an event file, and where an attempt begins (`begins`, step, nan).

    The file is records: a length, its sum, a protobuf `Event`, its sum.
    """
    from tensorboardX.proto.event_pb2 import Event

    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        if event.session_log.status:
            yield "begins", event.step, float("nan")
        for value in event.summary.value:
            if value.HasField("simple_value"):
                yield value.tag, event.step, value.simple_value


def test_tensorboard_sees_what_the_journal_has(tiny: Cli) -> None:
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: make setup")
    run = tiny.json(*FINETUNE, "--name", "made")
    folder = RunFolder(tiny.home / "runs" / run["run"])
    (file,) = (folder.path / "tensorboard").iterdir()
    seen = list(scalars(file))
    points = Story(folder.journal).read().points
    for name in ("loss", "learning_rate", "grad_norm"):
        written = [(p.step, p.value) for p in points if (p.split, p.name) == ("train", name)]
        assert written
        found = [(step, value) for tag, step, value in seen if tag == f"train/{name}"]
        assert [step for step, _ in found] == [step for step, _ in written]
        assert [v for _, v in found] == pytest.approx([v for _, v in written], rel=1e-4, abs=1e-6)
    assert {tag for tag, _, _ in seen} >= {"eval/accuracy"}

    run = tiny.json(*FINETUNE, "--name", "quiet", "--report-to", "none")
    assert not (tiny.home / "runs" / run["run"] / "tensorboard").exists()


def test_tensorboard_forgets_what_a_killed_attempt_did_beyond_its_checkpoint(tiny: Cli) -> None:
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: make setup")
    words = (*FINETUNE[:-2], "--name", "made", "--set", "num_train_epochs=40", "--detach")
    run = tiny.json(*words)["run"]
    folder = RunFolder(tiny.home / "runs" / run)

    def beyond() -> bool:
        saved = folder.last_checkpoint()
        return saved is not None and steps_in_log(folder)[-1] > checkpoint_step(saved)

    until(beyond)
    kill(folder.path / "worker.json")
    until(lambda: folder.exit())
    assert tiny.json("run", "resume", run, "--wait", "-q")["state"] == "completed"

    kept: list[tuple[str, int]] = []
    files = sorted((folder.path / "tensorboard").iterdir())
    for file in files:
        for tag, step, _ in scalars(file):
            if tag == "begins":  # what TensorBoard does then
                kept = [(other, at) for other, at in kept if at < step]
            elif tag != "train/epoch":  # stands beside each measurement, too
                kept.append((tag, step))
    steps = [step for tag, step in kept if tag == "train/loss"]
    assert len(files) == 2
    assert steps == list(range(1, steps[-1] + 1))
    assert len(kept) == len(set(kept))
