"""One row of an evaluation with all its columns, and where the answer differs from the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.content import Content
from textual.widget import Widget

from fmtui.services import examples
from fmtui.services.predictions import Predictions
from fmtui.services.text import one_line
from screens.base import Page
from screens.bindings import bindings
from screens.example_content import example_content
from screens.threads import threaded
from screens.widgets.prose import Prose
from screens.widgets.states import MUTED


class ExamplePage(Page):
    """Steps through rows of the file, in the order that they were found in."""

    TAB = "runs"
    BINDINGS = bindings("example")

    def __init__(self, predictions: Predictions, positions: Sequence[int], at: int) -> None:
        super().__init__()
        self.predictions = predictions
        self.positions = positions
        self.at = at
        self._record: dict[str, Any] | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Runs", self.predictions.run, "errors", f"row {self.positions[self.at] + 1}")

    def body(self) -> Iterable[Widget]:
        yield Prose(id="example")

    def on_mount(self) -> None:
        self.query_one(Prose).focus()
        self.start(self._load, group="load")

    async def _load(self) -> None:
        position = int(self.positions[self.at])
        self._record = await threaded(examples.whole, self.predictions, position)
        row = self._record.get("row") or position + 1
        words = f"{self.at + 1:,} of {len(self.positions):,} "
        crumbs = ("Runs", self.predictions.run, "errors", f"row {one_line(str(row))}")
        self.top.set(crumbs, Content.styled(words, MUTED))
        self._draw()
        self.query_one(Prose).scroll_home(animate=False)

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._record is not None:
            content = example_content(
                self.predictions.task, self._record, self.predictions.labels, self.size.width - 5
            )
            self.query_one(Prose).set(content)

    def action_step(self, by: int) -> None:
        at = max(0, min(self.at + by, len(self.positions) - 1))
        if at != self.at:
            self.at = at
            self.start(self._load, group="load")
