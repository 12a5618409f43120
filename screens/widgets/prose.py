"""Words longer than the screen, scrolled with the keys of a list."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fmtui.services.text import clean
from screens.bindings import bindings

_MOST_DRAWN = 400
_MOST_LINES = 4000


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

        await self.query("Markdown, #more").remove()
        if words.strip():
            begun, more = _begun(clean(words))
            await self.mount(Markdown(begun, open_links=False))
            if more:
                await self.mount(Static(f"… {more:,} more lines", classes="dim", id="more"))


def _begun(words: str) -> tuple[str, int]:
    """As much Markdown as is drawn in a moment, and how many lines are left out.

    Each block and each cell of a table is a widget: a screen full of them stands still.
    """
    lines, drawn, fenced = words.splitlines(), 0, False
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
            drawn += 2
        elif not fenced and bare:
            drawn += max(2 if bare[0] in "-*+0123456789" else 1, bare.count("|"))
        if drawn > _MOST_DRAWN or number >= _MOST_LINES:
            return "\n".join(lines[:number]), len(lines) - number
    return words, 0


def _plain(words: str | Content) -> Content:
    return words if isinstance(words, Content) else Content(clean(words))
