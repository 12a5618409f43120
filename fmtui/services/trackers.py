"""The trackers that transformers can report to, and which of them are installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from fmtui.errors import UsageError
from registry.references import unknown

_MODULES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "comet_ml": ("comet_ml",),
    "clearml": ("clearml",),
    "swanlab": ("swanlab",),
    "trackio": ("trackio",),
    "dvclive": ("dvclive",),
    "codecarbon": ("codecarbon",),
    "neptune": ("neptune",),
    "azure_ml": ("azureml.core",),
    "dagshub": ("dagshub",),
    "flyte": ("flytekit",),
}
NAMES = tuple(_MODULES)


def installed(name: str) -> bool:
    """Whether a module of this tracker can be imported; nothing is imported to find out."""
    for module in _MODULES[name]:
        try:
            if find_spec(module) is not None:
                return True
        except ModuleNotFoundError:  # the package above it is missing
            continue
    return False


def chosen(names: Sequence[str]) -> list[str]:
    """The trackers that a run reports to: those asked for, else TensorBoard where it is there.

    Raises UsageError for one that is unknown or not installed. `none` stands for none.
    """
    if not names:
        return ["tensorboard"] if installed("tensorboard") else []
    wanted = list(dict.fromkeys(name for name in names if name != "none"))
    for name in wanted:
        if name not in _MODULES:
            error = unknown("tracker", name, list(_MODULES))
            raise UsageError(error.message, hint=error.hint)
        if not installed(name):
            raise UsageError(
                f"--report-to {name}: {_MODULES[name][0]} is not installed",
                hint=f"`pip install {_MODULES[name][0].partition('.')[0]}` beside fmtui, "
                "or leave it out: the journal has all metrics.",
            )
    return wanted
