"""Sets of values under one name, for those who don't want to choose each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fmtui.errors import UsageError
from fmtui.tasks.settings.setting import SettingValue
from fmtui.tasks.settings.table import SETTINGS

Values = dict[str, SettingValue]

COMPONENT = "azureml"

_OF_A_RUN = frozenset({"resume_from_checkpoint", "early_stopping_patience", "auto_find_batch_size"})
"""A component's defaults that say nothing of the training: how it goes on after a fault, and a
patience that counts only where early stopping is asked for."""


@dataclass(frozen=True, slots=True)
class Preset:
    """`values` makes a preset's values from those that suit the model."""

    name: str
    help: str
    values: Callable[[Mapping[str, SettingValue]], Values]


def component_defaults(task: str) -> Values:
    """What Azure ML's component for a task does where nobody says anything."""
    return {
        s.name: s.default if s.azure_default is None else s.azure_default
        for s in SETTINGS
        if s.on_azure(task)
    }


def _azureml(suited: Mapping[str, SettingValue]) -> Values:
    found = {s.name: s.azure_default for s in SETTINGS if s.azure_default is not None}
    return {"max_seq_length": -1, "warmup_ratio": 0.0} | {
        name: value for name, value in found.items() if name not in _OF_A_RUN
    }


def _fast(suited: Mapping[str, SettingValue]) -> Values:
    return {"num_train_epochs": 1.0, "max_seq_length": 128}


def _careful(suited: Mapping[str, SettingValue]) -> Values:
    return {
        "num_train_epochs": 2 * float(suited["num_train_epochs"]),
        "learning_rate": float(suited["learning_rate"]) / 2,
        "warmup_ratio": 0.1,
        "apply_early_stopping": True,
        "early_stopping_patience": 2,
    }


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(COMPONENT, "what Azure ML's components do: rate 2e-5, batch 1, 1 epoch", _azureml),
        Preset("fast", "a first look: 1 epoch, texts cut at 128 tokens", _fast),
        Preset("lora", "a small part of the weights: less memory", lambda _: {"apply_lora": True}),
        Preset("careful", "half the rate, twice the epochs, early stopping", _careful),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name. Raises UsageError with the names there are."""
    if name not in PRESETS:
        raise UsageError(f"no preset `{name}`", hint=f"Presets: {', '.join(PRESETS)}.")
    return PRESETS[name]
