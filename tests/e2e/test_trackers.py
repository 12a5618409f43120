"""What other tools draw of a run: TensorBoard's event files hold what the journal holds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Story
from tests.e2e.cli import Cli

FINETUNE = (
    "finetune", "tiny", "--task", "text-classification", "--train", "train",
    "--set", "logging_steps=1", "--set", "num_train_epochs=1", "--wait", "-q",
)  # fmt: skip


def scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    """The values in an event file: records of a length, its sum, a protobuf `Event`, its sum."""
    from tensorboardX.proto.event_pb2 import Event

    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
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
