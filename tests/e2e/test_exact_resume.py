"""A run that is killed again and again ends with the very figures of one that nothing disturbed."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmtui.runs.folder import RunFolder
from tests.models import write_causal, write_seq2seq
from tests.rows import ROWS
from tests.tiny import messages, write_bert, write_messages
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
    garage: Garage, tmp_path: Path, settings: dict[str, Any], every: int
) -> None:
    data = write_messages(tmp_path / "train.csv", 240)
    model = write_bert(tmp_path / "model", others=100)  # most of whose words no row has
    _disturbed(garage, tmp_path, "text-classification", model, data, settings, every)


OTHERS: dict[str, dict[str, Any]] = {
    "token-classification": {},
    "question-answering": {"version_2_with_negative": False},
    "translation": {"max_target_length": 8},
    "text-generation": {"packing": True, "max_seq_length": 24, "num_train_epochs": 12},
}


@pytest.mark.stress
@pytest.mark.parametrize("task", OTHERS)
@pytest.mark.parametrize("lora", [False, True], ids=["whole", "lora"])
def test_nothing_is_changed_in_other_tasks(
    garage: Garage, bert: Path, tmp_path: Path, task: str, lora: bool
) -> None:
    data = tmp_path / "train.jsonl"
    rows = ROWS[task](240, 0)
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = bert
    if task == "translation":
        model = write_seq2seq(tmp_path / "base", [text for text, _ in messages(200)])
    if task == "text-generation":
        model = write_causal(tmp_path / "base", [text for text, _ in messages(200)])
    settings = {**PLAIN, **OTHERS[task], "apply_lora": lora, "per_device_train_batch_size": 32}
    settings |= {"lora_dropout": 0.2, "save_strategy": "steps", "save_steps": 2}
    settings |= {"evaluation_strategy": "steps", "eval_steps": 5}
    _disturbed(garage, tmp_path, task, model, data, settings, 2)


def _disturbed(
    garage: Garage,
    folder: Path,
    task: str,
    model: Path,
    data: Path,
    settings: dict[str, Any],
    every: int,
) -> None:
    """A run that is killed five times, and told to end once, is held against one left alone."""
    whole, broken = (
        create(folder / "runs", number, task, model, data, settings) for number in (1, 2)
    )
    assert garage.run(whole).state == "completed"
    last = steps(whole)
    assert last > 20

    rng = random.Random(7)
    stops = sorted(rng.sample(range(every, last), 6))
    for number, step in enumerate([*stops, last]):
        attempt = garage.start(broken)
        if number < len(stops):
            attempt.until(lambda story, step=step: story.points and story.points[-1].step >= step)
            # The second time it is told to end, which it does after a checkpoint.
            told = signal.SIGTERM if number == 1 else signal.SIGKILL
            assert attempt.kill(told) == (1 if told == signal.SIGTERM else -told)
        else:
            assert attempt.wait() == 0
    assert len(events(broken, "resumed")) == len(stops)
    end = broken.exit()
    assert end is not None
    assert end.state == "completed"

    assert steps(broken) == last
    assert final(broken) == final(whole)
    for name in ("loss", "learning_rate", "grad_norm"):
        assert curve(broken, name) == curve(whole, name)
    assert curve(broken, "loss", "validation") == curve(whole, "loss", "validation")
    files = [run.output / "model" / "model.safetensors" for run in (whole, broken)]
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
