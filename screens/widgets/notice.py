"""Words that are too long for a passing message."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from fmtui.services.text import clean, one_line
from screens.base import Modal
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar
from screens.widgets.prose import Prose


class Notice(Modal[None]):
    """Shows words under a title until it is closed."""

    BINDINGS = bindings("help")
    AUTO_FOCUS = "Prose"

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self.heading = title
        self.words = words

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(one_line(self.heading))
            yield Prose(clean(self.words))
        yield KeyBar()

    def action_close(self) -> None:
        self.dismiss(None)
