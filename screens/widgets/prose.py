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
        yield Static(_plain(self._words), markup=False, id="words")

    def set(self, words: str | Content) -> None:
        """Show other words, from their beginning."""
        self._words = words
        self.query_one("#words", Static).update(_plain(words))

    async def add_markdown(self, words: str) -> None:
        """Show Markdown below, in place of any that was there. No link of it opens by itself."""
        from textual.widgets import Markdown

        await self.query(Markdown).remove()
        if words.strip():
            await self.mount(Markdown(clean(words), open_links=False))


def _plain(words: str | Content) -> Content:
    return words if isinstance(words, Content) else Content(clean(words))
