"""Ask before what can't be undone."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from fmtui.services.text import clean
from screens.base import Modal
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar


class Confirm(Modal[bool]):
    """Gives True for yes. The question says what will happen, the second line what stays."""

    BINDINGS = bindings("confirm")

    def __init__(self, question: str, more: str = "") -> None:
        super().__init__()
        self.question = question
        self.more = more

    def compose(self) -> ComposeResult:
        with Vertical(id="frame"):
            yield Static(clean(self.question), markup=False, classes="strong")
            if self.more:
                yield Static(clean(self.more), markup=False, classes="dim")
        yield KeyBar()

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)
