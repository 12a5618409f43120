"""What the processes of one run decide together: each of them must do the same at the same step.

With one process everything here is a plain answer; with several it is a message between them, sent
by gloo on the CPU, so that no GPU waits for it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from accelerate import PartialState

from fmtui.workers.harness import CanceledError, Worker


class Together:
    """The processes of a worker's run."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.group: Any = None
        if worker.several:
            PartialState(cpu=not torch.cuda.is_available())
            self.group = dist.new_group(backend="gloo")

    @property
    def ranks(self) -> int:
        return dist.get_world_size() if self.group is not None else 1

    @property
    def rank(self) -> int:
        return dist.get_rank() if self.group is not None else 0

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, true when it is true for at least one process."""
        if self.group is None:
            return flags
        values = torch.tensor(flags, dtype=torch.int32)
        dist.all_reduce(values, op=dist.ReduceOp.MAX, group=self.group)
        return tuple(bool(value) for value in values.tolist())

    def same(self, value: Any) -> Any:
        """The value of rank 0, for all."""
        if self.group is None:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.group)
        return box[0]

    def gathered(self, value: Any) -> list[Any]:
        """The values of all processes, by rank, for all."""
        if self.group is None:
            return [value]
        values: list[Any] = [None] * self.ranks
        dist.all_gather_object(values, value, group=self.group)
        return values

    def wait(self) -> None:
        """Go on when all are here."""
        if self.group is not None:
            dist.barrier(group=self.group)

    def check_canceled(self) -> None:
        """Raise CanceledError in all processes when one was told to stop."""
        (stopping,) = self.any(self.worker.stopping.is_set())
        if stopping:
            self.worker.stopping.set()
            raise CanceledError

    def part(self) -> None:
        """Take leave of the others; nothing can be said after that."""
        if self.group is not None:
            dist.destroy_process_group()
