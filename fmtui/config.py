"""What `config.toml` in the home says of runs, with the environment above it.

```
[slots]
cpu = 1              # how many runs share the CPU
gpu = 1              # how many runs share each GPU
folder = "/srv/fmtui-slots"   # shared by all who use this machine; left out: the home's own

[runs]
grace_seconds = 60   # what a canceled run may take for its last checkpoint
log_mb = 64          # a log is cut into parts of this size,
log_parts = 4        # and so many older parts are kept

[slurm]              # what `--backend slurm` asks for when the command does not say
partition = "gpu"
nodes = 1
gpus = 1             # on each node
cpus = 8             # on each node
time_limit = "12:00:00"
account = "lab"
qos = "normal"
requeue = true       # when its time is over or it is preempted
more = { mem = "64G" }        # any other option of sbatch

[azure]              # see fmtui.azure.settings
profile = "team"
[azure.profiles.team]
workspace = "ws-models"
```
`FMTUI_SLOTS=cpu=2,gpu=1` and `FMTUI_SLOT_DIR` stand above the file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmtui.errors import BadInputError
from fmtui.paths import Home


@dataclass(frozen=True, slots=True)
class SlotConfig:
    """How many runs share the CPU and each GPU; `folder` is None where the home's own serves."""

    cpu: int = 1
    gpu: int = 1
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Seconds that a canceled run has for its last checkpoint; how its log is cut (bytes)."""

    grace: float = 60.0
    log_bytes: int = 64_000_000
    log_parts: int = 4


def slot_config(home: Home) -> SlotConfig:
    """The slots of this machine. Raises BadInputError for a value that can't be."""
    table = _table(home, "slots")
    for part in filter(None, os.environ.get("FMTUI_SLOTS", "").split(",")):
        key, _, value = part.partition("=")
        table[key.strip()] = value.strip()
    folder = os.environ.get("FMTUI_SLOT_DIR") or table.get("folder")
    return SlotConfig(
        cpu=int(_number(table, "slots", "cpu", 1, least=1)),
        gpu=int(_number(table, "slots", "gpu", 1, least=1)),
        folder=Path(folder).expanduser() if folder else None,
    )


def run_config(home: Home) -> RunConfig:
    """How runs end and log. Raises BadInputError for a value that can't be."""
    table = _table(home, "runs")
    return RunConfig(
        grace=_number(table, "runs", "grace_seconds", 60, least=0),
        log_bytes=int(_number(table, "runs", "log_mb", 64, least=0.001) * 1e6),
        log_parts=int(_number(table, "runs", "log_parts", 4, least=1)),
    )


_SLURM: dict[str, type] = {
    "partition": str,
    "nodes": int,
    "gpus": int,
    "cpus": int,
    "time_limit": str,
    "account": str,
    "qos": str,
    "requeue": bool,
    "more": dict,
}


def slurm_config(home: Home) -> dict[str, Any]:
    """What is asked of Slurm by default. Raises BadInputError for a key or value that can't be."""
    table = _table(home, "slurm")
    for key, value in table.items():
        kind = _SLURM.get(key)
        if kind is None:
            raise BadInputError(
                f"[slurm] {key}: no such setting",
                file=str(home.config),
                hint=f"It knows {', '.join(_SLURM)}; other options of sbatch go under `more`.",
            )
        if type(value) is not kind:
            raise BadInputError(
                f"[slurm] {key} = {value!r}: expected {_KINDS[kind]}", file=str(home.config)
            )
    return table


@dataclass(frozen=True, slots=True)
class AzureConfig:
    """The profile in force, and every profile's values by its name."""

    profile: str | None = None
    profiles: dict[str, dict[str, str]] = field(default_factory=dict)


def azure_config(home: Home) -> AzureConfig:
    """What `[azure]` says. Raises BadInputError for what can't be."""
    table = _table(home, "azure")
    found: dict[str, dict[str, str]] = {}
    profiles = table.pop("profiles", {})
    profile = table.pop("profile", None)
    if table or not isinstance(profiles, dict) or not isinstance(profile, str | None):
        raise BadInputError(
            "[azure] knows `profile`, a name, and tables [azure.profiles.NAME]",
            file=str(home.config),
        )
    for name, values in profiles.items():
        for key, value in values.items() if isinstance(values, dict) else [("", None)]:
            if key not in _AZURE or not isinstance(value, str):
                raise BadInputError(
                    f"[azure.profiles.{name}] {key}: no such setting, or no text",
                    file=str(home.config),
                    hint=f"It knows {', '.join(_AZURE)}. Secrets belong into the environment.",
                )
        found[name] = dict(values)
    return AzureConfig(profile, found)


_AZURE = (
    "subscription", "resource_group", "workspace", "tenant", "auth", "client_id", "cloud",
    "cloud_metadata", "compute", "instance_type",
)  # fmt: skip

_KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "a table"}


def _table(home: Home, name: str) -> dict[str, Any]:
    try:
        value = tomllib.loads(home.config.read_text(encoding="utf-8")).get(name, {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInputError(f"can't be read: {error}", file=str(home.config)) from error
    if not isinstance(value, dict):
        raise BadInputError(f"[{name}] is no table", file=str(home.config))
    return dict(value)


def _number(
    table: Mapping[str, Any], section: str, key: str, default: float, *, least: float
) -> float:
    value = table.get(key, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = least - 1
    if not number >= least:
        raise BadInputError(
            f"[{section}] {key} = {value!r}: expected a number, at least {least:g}",
            hint="See config.toml and FMTUI_SLOTS.",
        )
    return number
