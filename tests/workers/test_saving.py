"""How several processes that are told to stop, one a little later than the other, stop alike."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainerControl

from fmtui.workers.training.saving import Saving

SETTINGS = {"save_strategy": "epoch", "save_steps": 500, "save_minutes": 30}


class Pair:
    """Two processes in two threads, whose flags meet as they do between processes."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=10)
        self.flags: dict[int, tuple[bool, ...]] = {}

    def any(self, rank: int, *flags: bool) -> tuple[bool, ...]:
        self.flags[rank] = flags
        self.barrier.wait()
        found = tuple(any(both) for both in zip(*self.flags.values(), strict=True))
        self.barrier.wait()
        return found


@pytest.mark.parametrize("told", [0, 1])
def test_a_stop_that_comes_at_an_epochs_end_to_one_process_first_stops_both(told: int) -> None:
    pair = Pair()
    ends: dict[int, Any] = {}

    def process(rank: int) -> None:
        worker = SimpleNamespace(stopping=threading.Event())
        together = SimpleNamespace(any=lambda *flags: pair.any(rank, *flags))
        trainer: Any = SimpleNamespace(worker=worker, together=together, unmeasured=False)
        saving = Saving(trainer, SETTINGS)
        args = SimpleNamespace(eval_strategy="epoch")
        state = SimpleNamespace(global_step=16, max_steps=100, epoch=4.0)
        control = TrainerControl()
        saving.on_step_end(args, state, control)
        assert not control.should_training_stop
        if rank == told:
            worker.stopping.set()
        control.should_evaluate = True  # as the Trainer wants it after an epoch
        saving.on_epoch_end(args, state, control)
        ends[rank] = (control.should_evaluate, control.should_save, trainer.unmeasured)

    threads = [threading.Thread(target=process, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert ends == {0: (False, True, True), 1: (False, True, True)}
