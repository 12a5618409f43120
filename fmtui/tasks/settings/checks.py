"""What can't be: values that contradict each other, or that nothing here carries out."""

from __future__ import annotations

from collections.abc import Mapping

from fmtui.errors import UsageError
from fmtui.tasks.settings.setting import AZURE, Setting, SettingValue, written
from fmtui.tasks.settings.table import BY_NAME

_INSTEAD = {
    "n_best_size": "runs here look at every span",
    "eval_accumulation_steps": "runs here leave no batch on the GPU while measuring",
}
"""What runs here do where a setting is Azure ML's alone."""

_NEEDS: dict[str, tuple[str, SettingValue]] = {
    "lora_r": ("apply_lora", True),
    "lora_alpha": ("apply_lora", True),
    "lora_dropout": ("apply_lora", True),
    "lora_target_modules": ("apply_lora", True),
    "merge_lora_weights": ("apply_lora", True),
    "load_in_4bit": ("apply_lora", True),
    "deepspeed_stage": ("apply_deepspeed", True),
    "early_stopping_threshold": ("apply_early_stopping", True),
    "eval_steps": ("evaluation_strategy", "steps"),
    "evaluation_steps_interval": ("evaluation_strategy", "steps"),
    "save_steps": ("save_strategy", "steps"),
    "logging_steps": ("logging_strategy", "steps"),
}
"""A setting that was given counts only where another has that value."""

_MINUS_ONE_OR_MORE = (
    "max_steps", "max_seq_length", "max_target_length", "save_total_limit",
    "eval_accumulation_steps",
)  # fmt: skip


def refuse_elsewhere(setting: Setting, task: str, backend: str) -> UsageError:
    """The error for a setting that means nothing for a task on a backend."""
    if not setting.belongs(task):
        return UsageError(
            f"{setting.name} is no setting of {task}", hint=f"It is of {', '.join(setting.tasks)}."
        )
    if backend == AZURE:
        return UsageError(
            f"{setting.name}: Azure ML's component for {task} has no such input",
            hint="Leave it out, or run here.",
        )
    instead = f"; {_INSTEAD[setting.name]}" if setting.name in _INSTEAD else ""
    return UsageError(
        f"{setting.name}: only Azure ML offers that{instead}", hint="Leave it out, or run there."
    )


def check_together(
    values: Mapping[str, SettingValue], given: Mapping[str, SettingValue], *, backend: str
) -> None:
    """Raise UsageError, one sentence, for values that can't stand together."""
    for name, (other, wanted) in _NEEDS.items():
        default = BY_NAME[name].default
        if name in given and given[name] != default and values.get(other, wanted) != wanted:
            raise UsageError(
                f"{name}={written(given[name])} means nothing without {other}={written(wanted)}",
                hint=f"Set {other}={written(wanted)} too, or leave {name} out.",
            )
    for name in _MINUS_ONE_OR_MORE:
        if values.get(name) == 0:
            raise UsageError(f"{name}=0: expected -1 or a whole number of at least 1")
    if given.get("warmup_ratio") and given.get("warmup_steps"):
        raise UsageError("warmup_ratio and warmup_steps say the same", hint="Leave one out.")
    if values.get("evaluation_strategy") == "no" and values.get("apply_early_stopping"):
        raise UsageError(
            "early stopping needs measurements, and evaluation_strategy=no makes none",
            hint="Use evaluation_strategy=epoch, or apply_early_stopping=false.",
        )
    if values.get("packing") and values.get("pad_to_max_length"):
        raise UsageError("packing leaves nothing to pad", hint="Leave pad_to_max_length out.")
    length, stride = values.get("max_seq_length", -1), values.get("doc_stride", 0)
    if isinstance(length, int) and isinstance(stride, int) and 0 < length <= stride:
        raise UsageError(
            f"doc_stride={stride} is not below max_seq_length={length}: windows would not move on"
        )
    if backend == AZURE:
        _check_azure(values)


def _check_azure(values: Mapping[str, SettingValue]) -> None:
    epochs = values.get("num_train_epochs", 1)
    if epochs != int(epochs) or epochs < 1:
        raise UsageError(
            f"num_train_epochs={written(epochs)}: Azure ML takes whole epochs",
            hint="Use max_steps for less.",
        )
    for name, value in values.items():
        allowed = BY_NAME[name].azure_choices
        if allowed and value not in allowed:
            raise UsageError(
                f"{name}={written(value)}: Azure ML's component takes one of {', '.join(allowed)}"
            )
