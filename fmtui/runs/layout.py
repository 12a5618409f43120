"""How many processes carry one run, on how many machines, and what each of them is started with.

One process is the worker itself. More are started by `accelerate launch` from `accelerate.yaml` in
the run's folder: a plain file that a person can read, and change before the run is resumed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fmtui.errors import UsageError
from fmtui.runs import ranks
from fmtui.runs.folder import RunFolder
from fmtui.runs.process import write_bytes

KINDS = ("ddp", "fsdp", "deepspeed")
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
"""What asks a worker to write a checkpoint and end; Slurm sends each of them."""

INTERRUPTIBLE = "FMTUI_INTERRUPTIBLE"
"""In the environment of a worker whose starter takes it up again: told to stop, it writes its
checkpoint and leaves the run's end to that one."""

_PORT = 29500
_HEADER = """\
# How this run's processes are started: accelerate launch --config_file accelerate.yaml
# It is written when the run starts and kept after that: change it, then resume the run.
"""
_DDP = """\
# MULTI_GPU stands for DDP on any device: without a GPU the processes meet by gloo.
"""


@dataclass(frozen=True)
class Layout:
    """Processes in all (not on each machine), machines, and how the model is spread over them.

    `address` is where machine 0 is found, HOST or HOST:PORT; one machine needs none.
    """

    processes: int = 1
    machines: int = 1
    distributed: str = "ddp"
    address: str | None = None

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


def config_of(layout: Layout) -> dict[str, Any]:
    """What accelerate is told, in the words of its own config files."""
    host, _, port = (layout.address or "").rpartition(":") if layout.address else ("", "", "")
    if layout.address and not host:
        host, port = layout.address, ""
    config: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": {"ddp": "MULTI_GPU", "fsdp": "FSDP", "deepspeed": "DEEPSPEED"}[
            layout.distributed
        ],
        "num_processes": layout.processes,
        "num_machines": layout.machines,
        "machine_rank": 0,
        # Port 0 is any free one: fine while all processes are on this machine.
        "main_process_port": int(port or _PORT) if layout.machines > 1 else 0,
        "mixed_precision": "no",
    }
    if layout.machines > 1:
        config |= {"main_process_ip": host or "127.0.0.1", "rdzv_backend": "static"}
        config |= {"same_network": True}
    if layout.distributed == "fsdp":
        config["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_cpu_ram_efficient_loading": False,
            "fsdp_offload_params": False,
        }
    if layout.distributed == "deepspeed":
        config["deepspeed_config"] = {
            "zero_stage": 2,
            "gradient_accumulation_steps": "auto",
            "gradient_clipping": "auto",
            "offload_optimizer_device": "none",
            "offload_param_device": "none",
        }
        if layout.machines > 1:
            config["deepspeed_config"]["deepspeed_multinode_launcher"] = "standard"
    return config


def config_text(layout: Layout) -> str:
    """The text of accelerate.yaml."""
    import yaml

    note = _DDP if layout.distributed == "ddp" else ""
    return _HEADER + note + yaml.safe_dump(config_of(layout), sort_keys=False)


WORKER = "fmtui.workers"


def write_config(folder: RunFolder, layout: Layout) -> Path:
    """Write accelerate.yaml, unless there is one already: a person may have changed it."""
    path = folder.path / "accelerate.yaml"
    if not path.exists():
        write_bytes(path, config_text(layout).encode())
    return path


def worker_command(
    folder: RunFolder, layout: Layout, *, machine: int = 0, address: str | None = None
) -> list[str]:
    """The words that start the run's processes on one machine.

    `address` (HOST:PORT) overrides where accelerate.yaml says that machine 0 is.
    """
    work = ["-m", _worker_module(folder), str(folder.path)]
    python = [sys.executable, "-P", "-u"]
    if not layout.several:
        return [*python, *work]
    words = [*python, "-m", "accelerate.commands.launch"]
    words += ["--config_file", str(write_config(folder, layout))]
    if layout.machines > 1:
        words += ["--machine_rank", str(machine)]
    if address is not None:
        host, _, port = address.rpartition(":")
        words += ["--main_process_ip", host, "--main_process_port", port]
    return [*words, *work]


def _worker_module(folder: RunFolder) -> str:
    """Who carries the run out: fmtui's own worker, or the module that its spec names.

    A spec may have come from elsewhere, so another module is started only where the person's
    environment names it too (FMTUI_WORKERS, names joined by commas).
    """
    wanted = str(folder.spec().get("worker", WORKER))
    allowed = os.environ.get("FMTUI_WORKERS", "").split(",")
    return wanted if wanted in allowed else WORKER


def start_workers(
    folder: RunFolder,
    *,
    env: Mapping[str, str],
    keep: Sequence[int] = (),
    machine: int = 0,
    address: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start the worker, or the launcher of several, leading a session of its own.

    Signals that ask for an end are held back until the worker is ready for them; a launcher never
    sees them, so that it can't kill its workers while they write a checkpoint.

    Args:
        env: Put over this process's environment.
        keep: Open files, such as locks, that it inherits.
    """
    layout = Layout.of(folder.spec())
    ranks.forget(folder, layout.ranks_of(machine))
    command = worker_command(folder, layout, machine=machine, address=address)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            # The launcher puts its folder on the path of what it starts: let that be an empty one.
            cwd=folder.path if layout.several else None,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", **env},
            pass_fds=tuple(keep),
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
