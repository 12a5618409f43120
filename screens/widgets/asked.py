"""A choice whose options are far away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.content import Content

from fmtui.errors import FmtuiError
from fmtui.services.text import clean
from screens.threads import threaded
from screens.widgets.fields import Choice
from screens.widgets.picker import Option
from screens.widgets.states import MUTED


class AskedChoice(Choice):
    """A choice that asks for its options, in a thread, whenever it is opened.

    Where nobody answers it opens without any, so that something can be typed all the same.

    Args:
        ask: Gives the options. What it raises of FmtuiError is shown.
    """

    def __init__(
        self, title: str, ask: Callable[[], Sequence[Option]], *, free: str, **more: Any
    ) -> None:
        super().__init__(title, lambda: self._found, free=free, **more)
        self.ask = ask
        self._found: Sequence[Option] = ()
        self._asking = False

    def render(self) -> Content:
        return Content.styled("asking …", MUTED) if self._asking else super().render()

    def action_choose(self) -> None:
        if not self._asking:
            screen: Any = self.screen
            screen.start(self._ask, group="ask")

    async def _ask(self) -> None:
        self._asking = True
        self.refresh()
        try:
            self._found = await threaded(self.ask)
        except FmtuiError as error:
            self.app.notify(clean(str(error)), severity="warning", markup=False)
        finally:
            self._asking = False
            self.look_up()
        if self.has_focus:  # who went on meanwhile is not called back
            super().action_choose()
