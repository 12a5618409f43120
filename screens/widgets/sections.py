"""The parts of a page: one line of names, and the part that is chosen, made when first shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from fmtui.errors import FmtuiError
from screens.bindings import bindings
from screens.widgets.prose import Prose
from screens.widgets.states import MUTED


class SectionNames(Widget):
    """The line of names; a click chooses."""

    def render(self) -> Content:
        sections = self.parent
        assert isinstance(sections, Sections)
        parts: list[str | tuple[str, str]] = []
        for name in sections.names:
            style = "bold reverse" if name == sections.current else MUTED
            parts += [" ", (f" {name} ", style)]
        return Content.assemble(*parts)

    async def on_click(self, event: events.Click) -> None:
        sections = self.parent
        assert isinstance(sections, Sections)
        at = 0
        for name in sections.names:
            if at <= event.x < at + len(name) + 3:
                await sections.choose(name)
            at += len(name) + 3


class Sections(Container):
    """Parts by name.

    Args:
        parts: A name and what makes the part, in the order of the line.
    """

    BINDINGS = bindings("sections")

    @dataclass
    class Chosen(Message):
        name: str

    def __init__(self, parts: Sequence[tuple[str, Callable[[], Widget]]]) -> None:
        super().__init__()
        self.names = [name for name, _ in parts]
        self.current = self.names[0]
        self._makers = dict(parts)
        self._made: dict[str, Widget] = {}

    def compose(self) -> ComposeResult:
        self._made[self.current] = self._make(self.current)
        yield SectionNames()
        yield self._made[self.current]

    def _make(self, name: str) -> Widget:
        """The part; where it can't be made, a sentence that says why."""
        try:
            return self._makers[name]()
        except FmtuiError as error:
            return Prose(str(error))

    def part(self, name: str) -> Widget | None:
        """A part that was shown already."""
        return self._made.get(name)

    async def choose(self, name: str, *, focus: bool = True) -> None:
        """Show a part, and give it the keyboard."""
        self._made[self.current].display = False
        self.current = name
        if name not in self._made:
            self._made[name] = self._make(name)
            await self.mount(self._made[name])
        self._made[name].display = True
        self.query_one(SectionNames).refresh()
        if focus:
            self.focus_part()
        self.post_message(self.Chosen(name))
        self.screen.refresh_bindings()

    def focus_part(self) -> None:
        """Give the keyboard to the first thing in the part that takes it."""
        part = self._made[self.current]
        wanted = part if part.can_focus else None
        for widget in part.query("*"):
            if wanted is None and widget.can_focus and widget.display:
                wanted = widget
        if wanted is not None:
            wanted.focus()

    async def action_section(self, step: int) -> None:
        at = (self.names.index(self.current) + step) % len(self.names)
        await self.choose(self.names[at])
