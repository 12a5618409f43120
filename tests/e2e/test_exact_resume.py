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


@pytest.fixture(scope="module")
def garage() -> Iterator[Garage]:
    garage = Garage(lora=True)
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
