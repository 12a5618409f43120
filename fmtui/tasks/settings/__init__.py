"""The parameters of a finetune run: Azure ML's names, typed, checked, explained.

`table.py` lists them all, `suits.py` says which defaults suit a model, a task and its data,
`presets.py` names sets of them, `checks.py` says what can't be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.errors import UsageError
from fmtui.tasks.settings import suits
from fmtui.tasks.settings.checks import check_together, refuse_elsewhere
from fmtui.tasks.settings.presets import COMPONENT, PRESETS, component_defaults, preset
from fmtui.tasks.settings.setting import AZURE, LOCAL, Setting, SettingValue, written
from fmtui.tasks.settings.suits import Situation
from fmtui.tasks.settings.table import BY_NAME, SETTINGS
from registry.references import unknown

__all__ = [
    "AZURE",
    "BY_NAME",
    "LOCAL",
    "PRESETS",
    "SETTINGS",
    "Chosen",
    "Setting",
    "SettingValue",
    "Situation",
    "choose",
    "complete",
    "measuring",
    "of_task",
    "resolve",
    "written",
]

_OF_THE_MACHINE = frozenset({"precision", "apply_deepspeed", "deepspeed_stage", "apply_ort"})
"""What a catalogue's defaults say of the GPUs that Azure ML would use, not of the training."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting's value, and where it comes from: given, preset NAME, catalogue, or which
    default."""

    value: SettingValue
    source: str


def of_task(task: str, backend: str = LOCAL) -> list[Setting]:
    """The settings that mean something for a task on a backend, in the table's order."""
    return [setting for setting in SETTINGS if setting.offered(task, backend)]


def measuring(task: str, given: Mapping[str, str]) -> dict[str, SettingValue]:
    """The typed values of settings that say how a model answers, of those that were given alone:
    for the others the model knows how it was taught.

    Raises:
        UsageError: An unknown name, a value of the wrong kind, or one that only training obeys.
    """
    typed = {name: _known(name).parse(text) for name, text in given.items()}
    known = [setting.name for setting in of_task(task) if setting.measuring]
    for name in typed:
        if name not in known:
            raise UsageError(
                f"{name} means nothing where a model is measured in {task}",
                hint=f"There are: {', '.join(known)}.",
            )
    return typed


def complete(
    task: str, given: Mapping[str, Any], taught: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Every setting that a task has here: what was given, else what the model was taught with,
    else the default.

    So what carries a run out asks for no setting in vain: not where its spec is of a version that
    did not know them all, nor where a model is measured, of which nobody gives any.
    """
    found: dict[str, Any] = {setting.name: setting.default for setting in of_task(task)}
    found |= {name: value for name, value in (taught or {}).items() if name in found}
    return {**found, **given}


def resolve(
    given: Mapping[str, str],
    *,
    parameters: int | None,
    metric: str,
    task: str = "text-classification",
    model_type: str | None = None,
    rows: int | None = None,
) -> dict[str, Any]:
    """Every setting of a run here with its value; see `choose`. Raises UsageError."""
    at = Situation(task, parameters, model_type, rows)
    return {name: chosen.value for name, chosen in choose(given, at, metric=metric).items()}


def choose(
    given: Mapping[str, str],
    at: Situation,
    *,
    metric: str,
    backend: str = LOCAL,
    preset_name: str | None = None,
    catalogue: Mapping[str, str] | None = None,
) -> dict[str, Chosen]:
    """Every setting of a task with its value and where that comes from.

    What was given stands above the preset, that above the catalogue's defaults for the model, those
    above what suits its size and the data. (The preset `azureml` stands below the catalogue, as
    the component's defaults do on Azure ML.)

    Args:
        given: Values as they were typed.
        metric: The task's metric for the best model.
        backend: Where it is carried out.
        catalogue: The defaults that the model's publisher chose, as words.

    Raises:
        UsageError: An unknown name (with the nearest), a value of the wrong kind, one that means
            nothing there, or values that contradict each other.
    """
    typed = {name: _known(name).parse(text) for name, text in given.items()}
    offered = {setting.name: setting for setting in of_task(at.task, backend)}
    for name in typed:
        if name not in offered:
            raise refuse_elsewhere(BY_NAME[name], at.task, backend)
    published = {
        name: value
        for name, value in _published(catalogue or {}, backend).items()
        if name in offered
    }
    wanted = preset(preset_name) if preset_name else None
    lora = bool(typed.get("apply_lora", preset_name == "lora" or published.get("apply_lora")))

    chosen = {name: Chosen(setting.default, "default") for name, setting in offered.items()}
    _put(chosen, {"metric_for_best_model": metric}, "default for this task")
    _put(chosen, suits.of_task(at), "default for this task")
    _put(chosen, suits.of_size(at, lora=lora), "default for this size")
    batch = int(chosen["per_device_train_batch_size"].value)
    _put(chosen, suits.of_rows(at, batch), "default for so few rows")
    if backend == AZURE:
        _put(chosen, _acceptable(chosen, at.task), "default of Azure ML")
    values = {} if wanted is None else wanted.values({n: c.value for n, c in chosen.items()})
    layers = [(published, "catalogue"), (values, f"preset {preset_name}")]
    for layer, source in reversed(layers) if preset_name == COMPONENT else layers:
        _put(chosen, layer, source)
    _put(chosen, typed, "given")
    _settle_stopping(chosen, typed)
    _settle_windows(chosen, typed)
    check_together({n: c.value for n, c in chosen.items()}, typed, backend=backend)
    return chosen


def _known(name: str) -> Setting:
    if name not in BY_NAME:
        error = unknown("setting", name, list(BY_NAME))
        raise UsageError(error.message, hint=error.hint)
    return BY_NAME[name]


def _put(chosen: dict[str, Chosen], values: Mapping[str, SettingValue], source: str) -> None:
    chosen |= {name: Chosen(value, source) for name, value in values.items() if name in chosen}


def _published(catalogue: Mapping[str, str], backend: str) -> dict[str, SettingValue]:
    """What the catalogue says, as far as it is a value that is known and carried out here.

    Its own keys are left out (learning_rate_min, ...), and so is what a publisher wrote wrongly.
    """
    found: dict[str, SettingValue] = {}
    for name, text in catalogue.items():
        setting = BY_NAME.get(name)
        if setting is None or (backend != AZURE and name in _OF_THE_MACHINE):
            continue
        try:
            value = setting.parse(text)
        except UsageError:
            continue
        if not setting.azure_choices or backend != AZURE or value in setting.azure_choices:
            found[name] = value
    return found


def _acceptable(chosen: Mapping[str, Chosen], task: str) -> dict[str, SettingValue]:
    """The component's own value where it would not take ours."""
    own = component_defaults(task)
    return {
        name: own[name]
        for name, choice in chosen.items()
        if (allowed := BY_NAME[name].azure_choices) and choice.value not in allowed
    }


def _settle_stopping(chosen: dict[str, Chosen], typed: Mapping[str, SettingValue]) -> None:
    """Patience and whether there is any say the same, whichever of them was given."""
    if not {"apply_early_stopping", "early_stopping_patience"} <= set(chosen):
        return
    apply, patience = chosen["apply_early_stopping"], chosen["early_stopping_patience"]
    if typed.get("apply_early_stopping") is False and typed.get("early_stopping_patience"):
        raise UsageError(
            f"early_stopping_patience={patience.value} with apply_early_stopping=false",
            hint="Leave one of them out.",
        )
    if "early_stopping_patience" in typed and "apply_early_stopping" not in typed:
        chosen["apply_early_stopping"] = Chosen(patience.value != 0, patience.source)
    elif apply.value and patience.value == 0:
        chosen["early_stopping_patience"] = Chosen(1, apply.source)
    elif not apply.value:
        chosen["early_stopping_patience"] = Chosen(0, apply.source)


def _settle_windows(chosen: dict[str, Chosen], typed: Mapping[str, SettingValue]) -> None:
    """Short windows share fewer tokens, unless someone said how many."""
    if "doc_stride" not in chosen or "doc_stride" in typed:
        return
    length, stride = chosen["max_seq_length"].value, chosen["doc_stride"].value
    if 0 < int(length) < 3 * int(stride):
        source = chosen["max_seq_length"].source
        chosen["doc_stride"] = Chosen(max(int(length) // 3, 1), source)
