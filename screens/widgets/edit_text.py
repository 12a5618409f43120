"""A text of many lines in a window of its own: looked at, changed, kept or left as it was."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from fmtui.errors import FmtuiError
from fmtui.services.text import clean, one_line
from screens.base import Modal
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar
from screens.widgets.lines import Editor


class EditText(Modal[str | None]):
    """Gives the text that was kept, None when it was left.

    Args:
        check: Raises FmtuiError for a text that can't be kept.
    """

    BINDINGS = bindings("edit")
    AUTO_FOCUS = "Editor"

    def __init__(self, title: str, text: str, *, check: Callable[[str], object]) -> None:
        super().__init__()
        self.heading = title
        self.before = text
        self.check = check

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(one_line(self.heading))
            yield Editor(self.before, compact=True, tab_behavior="indent", id="text")
            yield Static(id="verdict", markup=False)
        yield KeyBar()

    @property
    def text(self) -> str:
        return self.query_one(Editor).text

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._fault()

    def _fault(self) -> FmtuiError | None:
        fault = None
        try:
            self.check(self.text)
        except FmtuiError as error:
            fault = error
        words = Content.styled(f"✗ {clean(str(fault))}", "$text-error") if fault else Content()
        self.query_one("#verdict", Static).update(words)
        return fault

    def action_keep(self) -> None:
        if self._fault() is None:
            self.dismiss(self.text)

    def action_leave(self) -> None:
        self.dismiss(None)
