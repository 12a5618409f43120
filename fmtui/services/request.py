"""What a person asks for, and the line that asks for the same."""

from __future__ import annotations

from dataclasses import dataclass, field

from fmtui.services import launch
from fmtui.services.where import Where


@dataclass(frozen=True)
class FinetuneRequest:
    """What a person asks for. `train` and `validation` are datasets or paths.

    `fingerprints` are those that their rows must have, where a run is done again.
    """

    model: str
    task: str
    train: str
    validation: str | None = None
    name: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    preset: str | None = None
    where: Where = field(default_factory=Where)
    drop_invalid: bool = False
    priority: int = 0
    report_to: tuple[str, ...] = ()
    group: str | None = None
    tags: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)

    def command(self) -> str:
        """The line that does the same."""
        words = ["fmtui", "finetune", self.model, "--task", self.task, "--train", self.train]
        if self.validation:
            words += ["--validation", self.validation]
        if self.name:
            words += ["--name", self.name]
        if self.columns:
            words += ["--columns", ",".join(f"{k}={v}" for k, v in self.columns.items())]
        if self.preset:
            words += ["--preset", self.preset]
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        words += self.where.words()
        if self.drop_invalid:
            words.append("--drop-invalid")
        if self.priority:
            words += ["--priority", str(self.priority)]
        for tracker in self.report_to:
            words += ["--report-to", tracker]
        for tag in self.tags:
            words += ["--tag", tag]
        return launch.command_line([*words, "--detach"])
