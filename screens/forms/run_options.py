"""The part of a form that says how a run is kept: its place in line, its tags, its trackers."""

from __future__ import annotations

from math import prod
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from fmtui.errors import UsageError
from fmtui.services import sweep, trackers
from screens.widgets.fields import Field, TextField


class RunFields(Vertical):
    """Priority, tags, and for a finetuning the sweep and the trackers.

    Args:
        finetune: Whether the run is one that trains.
    """

    def __init__(self, *, finetune: bool = True) -> None:
        super().__init__()
        self.finetune = finetune

    def compose(self) -> ComposeResult:
        if self.finetune:
            yield Field("sweep", TextField(hint="learning_rate=1e-5,3e-5: a run each", id="sweep"))
            here = [name for name in trackers.NAMES if trackers.installed(name)]
            hint = f"{', '.join(here[:3])}, or none" if here else "wandb, …: none is installed"
            yield Field("report to", TextField(hint=hint, id="report"))
            yield Field("priority", TextField(hint="0; a higher one goes first", id="priority"))
        yield Field("tags", TextField(hint="words to find the run again by", id="tags"))

    @on(TextField.Changed, "#sweep")
    def _count(self) -> None:
        field = self.query_one("#sweep").parent
        assert isinstance(field, Field)
        try:
            number = prod(len(values) for values in self.sweep().values())
        except UsageError:  # half typed
            number = 1
        field.note(f"{number} runs" if number > 1 else "")

    def _words(self, name: str) -> list[str]:
        fields = self.query(f"#{name}").results(TextField)
        return next((field.value.split() for field in fields), [])

    def options(self) -> dict[str, Any]:
        """The request's own words for it. Raises UsageError."""
        tags = tuple(word for part in self._words("tags") for word in part.split(",") if word)
        if not self.finetune:
            return {"tags": tags}
        reports = [word for part in self._words("report") for word in part.split(",") if word]
        return {"tags": tags, "report_to": tuple(reports), "priority": self._priority()}

    def _priority(self) -> int:
        words = "".join(self._words("priority"))
        try:
            return int(words or 0)
        except ValueError:
            raise UsageError(f"priority: `{words}` is not a whole number") from None

    def sweep(self) -> dict[str, list[str]]:
        """The values of each setting that is swept. Raises UsageError."""
        return sweep.grid(self._words("sweep")) if self.finetune else {}
