"""`accelerate.yaml` in a run's folder: how its several processes are started.

A plain file in the words of `accelerate launch`, which a person can read, and change before the run
is resumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmtui.runs.folder import RunFolder
from fmtui.runs.layout import Layout
from fmtui.runs.process import write_bytes

FILE = "accelerate.yaml"
_PORT = 29500
_HEADER = """\
# How this run's processes are started: accelerate launch --config_file accelerate.yaml
# It is written when the run starts and kept after that: change it, then resume the run.
"""
_DDP = """\
# MULTI_GPU stands for DDP on any device: without a GPU the processes meet by gloo.
"""


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


def write_config(folder: RunFolder, layout: Layout) -> Path:
    """Write accelerate.yaml, unless there is one already: a person may have changed it."""
    path = folder.path / FILE
    if not path.exists():
        write_bytes(path, config_text(layout).encode())
    return path
