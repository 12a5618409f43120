"""The parameters of a finetune run: Azure ML's names, typed, checked, explained.

Their defaults depend on the model's size, because a rate that suits 300 million parameters makes
a model of 20 million crawl: on banking77, three epochs bring MiniLM (22.7M) to a test accuracy of
0.902 at 2e-4 and 0.917 at 4e-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fmtui.errors import UsageError
from registry.references import unknown

Kind = Literal["int", "float", "bool", "choice", "text"]
SettingValue = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter. `low` and `high` bound a number, both included."""

    name: str
    kind: Kind
    default: SettingValue
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> SettingValue:
        """The typed value of what a person typed. Raises UsageError."""
        text = text.strip()
        try:
            value = self._convert(text)
        except ValueError:
            raise UsageError(f"{self.name}={text}: expected {self._expected()}") from None
        if isinstance(value, int | float) and not isinstance(value, bool):
            too_low = self.low is not None and value < self.low
            if too_low or (self.high is not None and value > self.high) or value != value:
                raise UsageError(f"{self.name}={text}: expected {self._expected()}")
        return value

    def _convert(self, text: str) -> SettingValue:
        if self.kind == "int":
            return int(text)
        if self.kind == "float":
            return float(text)
        if self.kind == "bool":
            if text.lower() not in _BOOLEANS:
                raise ValueError
            return _BOOLEANS[text.lower()]
        if self.kind == "choice" and text not in self.choices:
            raise ValueError
        return text

    def _expected(self) -> str:
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        words = {"int": "a whole number", "float": "a number", "text": "a text"}[self.kind]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{words} of at least {self.low:g}"
        return words


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

SETTINGS: tuple[Setting, ...] = (
    Setting("num_train_epochs", "float", 3.0, "passes over the training data", 0.01, 10_000),
    Setting("max_steps", "int", -1, "stop after so many steps; -1: never", -1),
    Setting("learning_rate", "float", 5e-5, "peak rate of AdamW", 1e-9, 1.0),
    Setting("per_device_train_batch_size", "int", 32, "rows of average length in a batch", 1, 8192),
    Setting("per_device_eval_batch_size", "int", 64, "the same, when measuring", 1, 8192),
    Setting("gradient_accumulation_steps", "int", 1, "batches that make one step", 1, 4096),
    Setting(
        "lr_scheduler_type", "choice", "linear", "how the rate falls",
        choices=("linear", "cosine", "constant", "constant_with_warmup", "polynomial"),
    ),
    Setting("warmup_ratio", "float", 0.06, "share of the steps in which the rate rises", 0, 0.99),
    Setting("weight_decay", "float", 0.01, "AdamW's decay", 0, 1),
    Setting("max_grad_norm", "float", 1.0, "gradients are clipped to this norm", 0, 1e6),
    Setting("label_smoothing_factor", "float", 0.0, "share given to the other labels", 0, 0.9),
    Setting("max_seq_length", "int", -1, "longer texts are cut; -1: the model's limit", -1),
    Setting("validation_fraction", "float", 0.1, "split off if none is given", 0, 0.9),
    Setting("early_stopping_patience", "int", 0, "evaluations without gain; 0: never", 0),
    Setting("metric_for_best_model", "text", "", "which metric picks the checkpoint to keep"),
    Setting("logging_steps", "int", 10, "steps between two points of the loss curve", 1),
    Setting("save_minutes", "float", 5.0, "a checkpoint at least this often", 0.01),
    Setting(
        "precision", "choice", "auto", "auto: measure what is fastest here",
        choices=("auto", "32", "bf16", "16"),
    ),
    Setting("seed", "int", 42, "of shuffling, splitting and fresh weights", 0, 2**31 - 1),
    Setting("enable_full_determinism", "bool", False, "same bits on every run; slower on CUDA"),
)  # fmt: skip

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def model_defaults(parameters: int | None) -> dict[str, SettingValue]:
    """What suits a model of that many parameters."""
    size = parameters or 110_000_000
    if size < 50_000_000:
        rate = 4e-4
    elif size < 150_000_000:
        rate = 5e-5
    elif size < 500_000_000:
        rate = 2e-5
    else:
        rate = 1e-5
    return {"learning_rate": rate}


def resolve(given: Mapping[str, str], *, parameters: int | None, metric: str) -> dict[str, Any]:
    """Every setting with its value: what was given, else what suits the model.

    Raises UsageError for an unknown name (with the nearest) or a value of the wrong kind.
    """
    for name in given:
        if name not in _BY_NAME:
            error = unknown("setting", name, list(_BY_NAME))
            raise UsageError(error.message, hint=error.hint)
    values: dict[str, Any] = {s.name: s.default for s in SETTINGS}
    values |= model_defaults(parameters)
    values["metric_for_best_model"] = metric
    values |= {name: _BY_NAME[name].parse(text) for name, text in given.items()}
    return values
