"""One parameter of a finetuning: its name, its kind, its bounds, where it means something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fmtui.errors import UsageError

Kind = Literal["int", "float", "bool", "choice", "text"]
SettingValue = int | float | bool | str

SAME = "="
"""Azure ML's component calls it as we do."""

MOST = 2**31 - 1
LOCAL, AZURE = "local", "azureml"


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter. `low` and `high` bound a number, both included.

    Args:
        tasks: The tasks that it belongs to; none are all of them.
        azure: Its name among the inputs of Azure ML's finetune components; None where they have
            no such input.
        azure_tasks: The tasks whose component has it, where those are fewer.
        azure_default: The component's own default, where it is another.
        azure_choices: The words that the component takes, where they are others.
        local: Whether it means something on this machine and on a cluster.
        ours: Whether fmtui itself does it, wherever the run is.
        measuring: Whether it says how a model answers, not only how it learns.
        group: Where a form shows it.
    """

    name: str
    kind: Kind
    default: SettingValue
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    azure: str | None = SAME
    azure_tasks: tuple[str, ...] = ()
    azure_default: SettingValue | None = None
    azure_choices: tuple[str, ...] = ()
    local: bool = True
    ours: bool = False
    measuring: bool = False
    group: str = ""

    @property
    def azure_name(self) -> str | None:
        return self.name if self.azure == SAME else self.azure

    def belongs(self, task: str) -> bool:
        """Whether a task has it, wherever it is carried out."""
        return not self.tasks or task in self.tasks

    def on_azure(self, task: str) -> bool:
        """Whether the task's component on Azure ML has it."""
        return (
            self.azure is not None
            and self.belongs(task)
            and (not self.azure_tasks or task in self.azure_tasks)
        )

    def offered(self, task: str, backend: str) -> bool:
        """Whether it means something for a task on a backend."""
        if self.ours or backend != AZURE:
            return self.local and self.belongs(task)
        return self.on_azure(task)

    def parse(self, text: str) -> SettingValue:
        """The typed value of what a person typed. Raises UsageError."""
        text = text.strip()
        try:
            value = self._convert(text)
        except ValueError:
            raise UsageError(f"{self.name}={text}: expected {self.expected()}") from None
        if isinstance(value, int | float) and not isinstance(value, bool):
            too_low = self.low is not None and value < self.low
            if too_low or (self.high is not None and value > self.high) or value != value:
                raise UsageError(f"{self.name}={text}: expected {self.expected()}")
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
        if self.kind == "choice":
            text = _ALIASES.get(text.lower(), text)
            if text not in self.choices:
                raise ValueError
        elif len(text) > _LONGEST or not text.isprintable():
            raise ValueError
        return text

    def expected(self) -> str:
        """What a value of it is, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        words = {"int": "a whole number", "float": "a number", "text": "a line of text"}[self.kind]
        if self.low is not None and self.high is not None and self.high < MOST:
            return f"{words} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{words} of at least {self.low:g}"
        return words


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_ALIASES = {"disable": "no", "fp32": "32", "fp16": "16"}
"""Words for a choice that Azure ML or transformers suggest."""

_LONGEST = 500


def written(value: SettingValue) -> str:
    """A value as `parse` reads it: true, 4e-4, 32."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
