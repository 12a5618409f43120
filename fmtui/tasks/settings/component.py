"""The settings of a run as inputs of Azure ML's finetune component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmtui.tasks.settings.setting import SettingValue
from fmtui.tasks.settings.table import BY_NAME


def component_inputs(
    task: str, settings: Mapping[str, SettingValue], *, warmup_steps: int = 0
) -> dict[str, Any]:
    """Names and values as the task's component takes them: its switches are the words true and
    false, its epochs a whole number.

    Args:
        settings: As `choose` gives them for that backend.
        warmup_steps: Steps in which the rate rises, where the settings name none: the component
            knows no share of the steps.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        setting = BY_NAME[name]
        if not setting.on_azure(task) or value == "":
            continue
        key = setting.azure_name
        assert key is not None
        if isinstance(value, bool):
            found[key] = str(value).lower()
        elif name == "num_train_epochs":
            found[key] = int(value)
        else:
            found[key] = value
    if not found.get("warmup_steps"):
        found["warmup_steps"] = warmup_steps
    return found
