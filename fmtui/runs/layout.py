"""How many processes carry one run, and on how many machines.

One process is the worker itself; more are started by accelerate (see `fmtui.runs.accelerate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fmtui.errors import UsageError

KINDS = ("ddp", "fsdp", "deepspeed")


@dataclass(frozen=True)
class Layout:
    """Processes in all (not on each machine), machines, and how the model is spread over them.

    `address` is where machine 0 is found, HOST or HOST:PORT; one machine needs none.
    `zero_stage` is DeepSpeed's: 3 spreads the weights too.
    """

    processes: int = 1
    machines: int = 1
    distributed: str = "ddp"
    address: str | None = None
    zero_stage: int = 2

    @property
    def several(self) -> bool:
        return self.processes > 1 or self.machines > 1

    @property
    def on_each(self) -> int:
        """Processes on one machine."""
        return self.processes // self.machines

    def ranks_of(self, machine: int) -> range:
        return range(machine * self.on_each, (machine + 1) * self.on_each)

    def check(self) -> None:
        """Raise UsageError for what can't be started."""
        if self.processes < 1 or self.machines < 1:
            raise UsageError("there is no run with fewer than one process on one machine")
        if self.processes % self.machines:
            raise UsageError(
                f"{self.processes} processes can't be shared evenly by {self.machines} machines",
                hint="--num-processes counts the processes of all machines together.",
            )
        if self.distributed not in KINDS:
            raise UsageError(
                f"--distributed {self.distributed}: no such kind",
                hint=f"One of {', '.join(KINDS)}.",
            )
        if self.distributed == "deepspeed":
            from importlib.util import find_spec

            if find_spec("deepspeed") is None:
                raise UsageError(
                    "DeepSpeed is not installed", hint="`pip install deepspeed`, or use fsdp."
                )

    def as_spec(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Layout:
        """The layout in a run's spec; a spec without one is one process."""
        return cls(**spec.get("layout") or {})
