"""The settings of a run: what there are, what suits a model, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from fmtui.errors import FmtuiError, UsageError
from fmtui.runs import slots
from fmtui.services.context import Context
from fmtui.tasks import get_task
from fmtui.tasks.settings import (
    BY_NAME,
    LOCAL,
    PRESETS,
    SETTINGS,
    Chosen,
    Setting,
    SettingValue,
    Situation,
    choose,
    of_task,
    written,
)
from registry import queries, search
from registry.catalog import queries as catalog
from registry.catalog.views import CatalogEntry
from registry.references import parse
from registry.views import ModelInfo

__all__ = ["Chosen", "SettingInfo", "as_typed", "check_value", "chosen_for", "describe", "presets"]


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """A setting as a form or a list shows it.

    `value` is what suits the model, as it is typed; `source` tells where it comes from. `expected`
    is what a value is, in words; `azure` the name of Azure ML's component for it.
    """

    name: str
    value: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()
    group: str = ""
    source: str = "default"
    expected: str = ""
    tasks: tuple[str, ...] = ()
    azure: str | None = None
    local: bool = True

    @property
    def where(self) -> str:
        """`here and azureml`, or which of them."""
        places = ["here"] * self.local + ["azureml"] * (self.azure is not None)
        return " and ".join(places)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"where": self.where}


def _info(setting: Setting, chosen: Chosen, task: str | None) -> SettingInfo:
    return SettingInfo(
        setting.name,
        written(chosen.value),
        setting.kind,
        setting.help,
        setting.choices,
        setting.group,
        chosen.source,
        setting.expected(),
        setting.tasks,
        setting.azure_name if task is None or setting.on_azure(task) else None,
        setting.local,
    )


def describe(task: str | None = None) -> list[SettingInfo]:
    """Every setting there is, those of one task, on any backend. Raises UsageError."""
    if task is not None:
        get_task(task)
    return [
        _info(setting, Chosen(setting.default, "default"), task)
        for setting in SETTINGS
        if task is None or setting.belongs(task)
    ]


def as_typed(value: SettingValue) -> str:
    """A setting's value as it is typed: true, 4e-4."""
    return written(value)


def check_value(name: str, text: str) -> None:
    """Raise UsageError for a value that a setting can't have, whatever the others are."""
    BY_NAME[name].parse(text)


def presets() -> dict[str, str]:
    """The presets by name, and what each is."""
    return {preset.name: preset.help for preset in PRESETS.values()}


def infos(task: str, chosen: Mapping[str, Chosen], backend: str = LOCAL) -> dict[str, SettingInfo]:
    """Chosen settings as a form shows them."""
    return {
        setting.name: _info(setting, chosen[setting.name], task)
        for setting in of_task(task, backend)
    }


def chosen_for(
    ctx: Context,
    model: ModelInfo | None,
    task: str,
    given: Mapping[str, str],
    *,
    backend: str = LOCAL,
    preset: str | None = None,
    rows: int | None = None,
    unanswerable: bool = False,
) -> dict[str, Chosen]:
    """Every setting of a run, each with where it comes from.

    Args:
        model: What is finetuned; None where that is not known yet.
        rows: The rows to train on, None where they are not counted yet.
        unanswerable: Whether some of them are questions without an answer.

    Raises:
        UsageError: a setting that can't be, or that this machine can't carry out.
    """
    chosen = choose(
        given,
        Situation(
            task,
            model.parameters if model else None,
            model.model_type if model else None,
            rows,
            unanswerable,
        ),
        metric=get_task(task).metrics[0],
        backend=backend,
        preset_name=preset,
        catalogue=catalogue_defaults(ctx, model) if model else {},
    )
    if backend == LOCAL:
        _check_machine({name: c.value for name, c in chosen.items()})
    return chosen


def catalogue_entry(ctx: Context, model: ModelInfo) -> CatalogEntry | None:
    """The entry of Azure ML's catalogue that a model came from, whatever was made of it since."""
    ancestors = queries.lineage(ctx.db.read(), model.id).ancestors
    origin = (ancestors[-1] if ancestors else model).origin
    connection = ctx.db.read()
    try:
        reference = parse(origin)
        if reference.source == "azureml":
            row = catalog.find(connection, reference)
            return None if row is None else catalog.show(connection, f"azureml:{row['name']}")
        if reference.source != "hf":
            return None
    except FmtuiError:  # a folder, or a catalogue that is not there
        return None
    found = search.search(connection, reference.name, source="azureml").rows
    wanted = reference.name.lower()
    return next((entry for entry in found if (entry.hub_id or "").lower() == wanted), None)


def catalogue_defaults(ctx: Context, model: ModelInfo) -> Mapping[str, str]:
    """The settings that a model's publisher chose to finetune it with, as words."""
    entry = catalogue_entry(ctx, model)
    return entry.defaults if entry else {}


def _check_machine(values: Mapping[str, Any]) -> None:
    """Raise UsageError for what needs a GPU, or a library, that is not here."""
    gpu = bool(slots.gpus())
    for name, wanted in (
        ("precision", "16"),
        ("load_in_4bit", True),
        ("use_liger_kernel", True),
        ("apply_deepspeed", True),
        ("optim", "adamw_bnb_8bit"),
        ("optim", "paged_adamw_8bit"),
    ):
        if values.get(name) == wanted and not gpu:
            raise UsageError(
                f"{name}={written(wanted)} needs a GPU, and this machine has none",
                hint="Leave it out, or run it elsewhere (--backend).",
            )
    for name, wanted, library in (
        ("load_in_4bit", True, "bitsandbytes"),
        ("optim", "adamw_bnb_8bit", "bitsandbytes"),
        ("optim", "paged_adamw_8bit", "bitsandbytes"),
        ("use_liger_kernel", True, "liger_kernel"),
        ("apply_deepspeed", True, "deepspeed"),
    ):
        if values.get(name) == wanted and find_spec(library) is None:
            raise UsageError(
                f"{name}={written(wanted)} needs {library}, which is not installed",
                hint=f"`pip install {library.replace('_', '-')}`, or leave it out.",
            )
