"""Words longer than the screen, scrolled with the keys of a list."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fmtui.services.text import clean
from screens.bindings import bindings


class Prose(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Shows text as it is: control sequences are stripped and markup means nothing."""

    BINDINGS = bindings("scroll")

    def __init__(self, words: str | Content = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(_plain(self._words), markup=False)

    def set(self, words: str | Content) -> None:
        """Show other words, from their beginning."""
        self._words = words
        for static in self.query(Static):
            static.update(_plain(words))


def _plain(words: str | Content) -> Content:
    return words if isinstance(words, Content) else Content(clean(words))
