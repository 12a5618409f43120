"""`accelerate.yaml` in a run's folder: how its several processes are started.

A plain file in the words of `accelerate launch`, which a person can read, and change before the run
is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError, UsageError
from fmtui.runs.folder import RunFolder
from fmtui.runs.layout import Layout
from fmtui.runs.process import write_bytes
from registry.references import unknown

FILE = "accelerate.yaml"
KEYS = (
    "compute_environment", "distributed_type", "mixed_precision", "use_cpu", "debug",
    "num_processes", "machine_rank", "num_machines", "gpu_ids", "main_process_ip",
    "main_process_port", "rdzv_backend", "same_network", "main_training_function",
    "enable_cpu_affinity", "fp8_config", "deepspeed_config", "fsdp_config", "parallelism_config",
    "megatron_lm_config", "mpirun_config", "downcast_bf16", "tpu_name", "tpu_zone",
    "tpu_use_cluster", "tpu_use_sudo", "command_file", "commands", "tpu_vm", "tpu_env",
    "dynamo_config",
)  # fmt: skip
"""What accelerate's own parser knows; it refuses a file with any other key."""

_KINDS = {"FSDP": "fsdp", "DEEPSPEED": "deepspeed"}
_PORT = 29500
_HEADER = """\
# How this run's processes are started, by `accelerate launch`.
# What is changed here counts from the next start, or resume, on.
"""
_DDP = """\
# MULTI_GPU is DDP on any device: without a GPU the processes meet by gloo.
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
            "zero_stage": layout.zero_stage,
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


def parse(text: str, file: str = FILE) -> dict[str, Any]:
    """The config in a text. Raises BadInputError for what accelerate could not start from."""
    import yaml

    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "it can't be read"
        raise BadInputError(f"no YAML{where}: {why}", file=file) from None
    if not isinstance(config, dict):
        raise BadInputError("expected lines of `key: value`", file=file)
    for key in config:
        if key not in KEYS:
            fault = unknown("key", str(key), list(KEYS))
            raise BadInputError(fault.message, file=file, hint=fault.hint)
    for key in ("num_processes", "num_machines"):
        value = config.get(key, 1 if key == "num_machines" else None)
        if type(value) is not int or value < 1:
            raise BadInputError(f"{key}: expected a number, at least 1", file=file)
    kind = config.get("distributed_type")
    if not isinstance(kind, str) or not (kind in _KINDS or kind.startswith("MULTI_")):
        raise BadInputError(
            f"distributed_type: {kind}: no kind that a run can have",
            file=file,
            hint="MULTI_GPU, FSDP or DEEPSPEED.",
        )
    if config.get("compute_environment", "LOCAL_MACHINE") != "LOCAL_MACHINE":
        raise BadInputError("compute_environment: only LOCAL_MACHINE can be started", file=file)
    return config


def layout_of(config: Mapping[str, Any]) -> Layout:
    """The layout that a config asks for."""
    host, port = config.get("main_process_ip"), config.get("main_process_port")
    return Layout(
        processes=config["num_processes"],
        machines=config.get("num_machines", 1),
        distributed=_KINDS.get(config["distributed_type"], "ddp"),
        address=(f"{host}:{port}" if port else str(host)) if host else None,
    )


def check_against(layout: Layout, config: Mapping[str, Any], file: str = FILE) -> None:
    """Raise BadInputError where a config does not fit a run's layout: its processes are counted by
    whoever gives out slots, names ranks and waits for them."""
    asked = layout_of(config)
    for key, mine, theirs in (
        ("num_processes", layout.processes, asked.processes),
        ("num_machines", layout.machines, asked.machines),
        ("distributed_type", layout.distributed, asked.distributed),
    ):
        if mine != theirs:
            raise BadInputError(
                f"{key}: {mine} asked for, {theirs} in the file",
                file=file,
                hint="Let both say the same; a run keeps the layout that it was made with.",
            )


def text_of(folder: RunFolder) -> str:
    """The config of a run: the file, or what will be written when it starts.

    Raises UsageError for a run of one process.
    """
    layout = Layout.of(folder.spec())
    if not layout.several:
        raise UsageError(
            f"{folder.path.name} is one process, without accelerate",
            hint="--num-processes 2 starts several.",
        )
    try:
        return (folder.path / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return config_text(layout)
