"""A run that is killed again and again ends with the very figures of one that nothing disturbed."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmtui.runs.folder import RunFolder
from tests.tiny import write_messages
from tests.training import Garage, create, curve, events, final

PLAIN: dict[str, Any] = {"num_train_epochs": 6, "enable_full_determinism": True}

# Everything at once that could be lost: batches that are accumulated (the last step of an epoch
# of fewer), measurements in the middle of epochs, LoRA's dropout, the patience of a stop, and a
# loss that is noted more seldom than checkpoints are written.
HARD: dict[str, Any] = {
    "num_train_epochs": 20, "per_device_train_batch_size": 12, "gradient_accumulation_steps": 4,
    "lr_scheduler_type": "cosine", "evaluation_strategy": "steps", "eval_steps": 3,
    "metric_for_best_model": "loss", "early_stopping_patience": 4, "logging_steps": 5,
    "early_stopping_threshold": 0.002, "save_strategy": "steps", "save_steps": 2,
    "apply_lora": True, "lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.2,
    "lora_target_modules": "", "weight_decay": 0.01, "learning_rate": 1e-2,
}  # fmt: skip


# The measurement that the run's file `hold` names (0 is the first) takes until it is told to stop.
HOLD = """
from fmtui.workers.training.measure import Measure
measured = Measure._predicted
def held(self, *args, **kwargs):
    worker = self.together.worker
    hold, done = worker.folder.path / "hold", worker.folder.journal.read_text().count("validation")
    if hold.exists() and done == int(hold.read_text()):
        (worker.folder.path / "holding").touch()
        worker.stopping.wait(60)
    return measured(self, *args, **kwargs)
Measure._predicted = held
"""


@pytest.fixture(scope="module")
def garage() -> Iterator[Garage]:
    garage = Garage(lora=True, patch=HOLD)
    yield garage
    garage.close()


def steps(folder: RunFolder) -> int:
    return max(step for step, _ in curve(folder, "loss", "validation"))


@pytest.mark.parametrize(("settings", "every"), [(PLAIN, 6), (HARD, 2)], ids=["plain", "hard"])
def test_five_kills_and_a_stop_change_nothing(
    garage: Garage, bert: Path, tmp_path: Path, settings: dict[str, Any], every: int
) -> None:
    data = write_messages(tmp_path / "train.csv", 240)
    whole, broken = (
        create(tmp_path / "runs", number, "text-classification", bert, data, settings)
        for number in (1, 2)
    )
    assert garage.run(whole).state == "completed"
    last = steps(whole)
    assert last > 20

    rng = random.Random(7)
    kills = sorted(rng.sample(range(every, last), 5))
    for number, step in enumerate([*kills, last]):
        attempt = garage.start(broken)
        if number < len(kills):
            attempt.until(lambda story, step=step: story.points and story.points[-1].step >= step)
            # The second time it is told to end, which it does after a checkpoint.
            told = signal.SIGTERM if number == 1 else signal.SIGKILL
            assert attempt.kill(told) == (1 if told == signal.SIGTERM else -told)
        else:
            assert attempt.wait() == 0
    assert len(events(broken, "resumed")) == 5
    end = broken.exit()
    assert end is not None
    assert end.state == "completed"

    assert steps(broken) == last
    assert final(broken) == final(whole)
    for name in ("loss", "learning_rate", "grad_norm"):
        assert curve(broken, name) == curve(whole, name)
    assert curve(broken, "loss", "validation") == curve(whole, "loss", "validation")
    files = [folder.output / "model" / "model.safetensors" for folder in (whole, broken)]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("step", [3, 9])
def test_a_stop_while_it_is_measured_waits_for_no_measurement(
    garage: Garage, bert: Path, tmp_path: Path, step: int
) -> None:
    settings = {**HARD, "max_steps": 9, "apply_lora": False, "learning_rate": 5e-3}
    data = write_messages(tmp_path / "train.csv", 240)
    whole, broken = (
        create(tmp_path / "runs", number, "text-classification", bert, data, settings)
        for number in (1, 2)
    )
    assert garage.run(whole).state == "completed"

    (broken.path / "hold").write_text(str(step // 3 - 1))
    attempt = garage.start(broken)
    attempt.until(lambda story: (broken.path / "holding").exists())
    assert attempt.kill(signal.SIGTERM) == 1
    end = broken.exit()
    assert end is not None
    assert (end.state, end.resumable, end.interrupted) == ("failed", True, True)
    assert [at for at, _ in curve(broken, "loss", "validation")] == list(range(3, step, 3))
    assert events(broken, "checkpoint")[-1]["step"] == step

    (broken.path / "hold").unlink()
    assert garage.run(broken).state == "completed"
    assert curve(broken, "loss", "validation") == curve(whole, "loss", "validation")
    assert curve(broken, "loss") == curve(whole, "loss")
    assert final(broken) == final(whole)
