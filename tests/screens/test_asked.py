"""A choice whose options are asked for far away: slow, refused, or no longer wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from textual.widget import Widget

from fmtui.errors import RemoteError
from fmtui.services.context import Context
from screens.forms.base import Form
from screens.widgets.asked import AskedChoice
from screens.widgets.fields import Field, TextField
from screens.widgets.picker import Option, Picker
from tests.screens.tools import hides, opened, shows, type_in


class _Form(Form):
    TAB = "endpoints"

    def __init__(self) -> None:
        super().__init__()
        self.answer = threading.Event()
        self.refuse = False

    def fields(self) -> Iterable[Widget]:
        yield Field("kind", AskedChoice("Kind", self._ask, free="kind", id="kind"))
        yield Field("name", TextField(id="name"))

    def _ask(self) -> Sequence[Option]:
        assert self.answer.wait(20)
        if self.refuse:
            raise RemoteError("Azure does not answer")
        return [Option("small", "S"), Option("large", "L")]

    def first(self) -> str:
        return "#kind"

    def command(self) -> str:
        return f"fmtui {self.query_one('#kind', AskedChoice).value}"


async def test_the_keyboard_stays_alive_while_it_is_asked(here: Context) -> None:
    async with opened() as pilot:
        form = _Form()
        pilot.app.push_screen(form)
        await pilot.pause()
        await pilot.press("enter")
        await shows(pilot, "asking …")
        await pilot.press("tab")
        await type_in(pilot, "bank")
        await shows(pilot, "bank")
        form.answer.set()
        await hides(pilot, "asking …")
        assert pilot.app.screen is form, "who went on is not called back"
        await pilot.press("shift+tab", "enter")
        await shows(pilot, "small", "large")
        await pilot.press("down", "enter")
        await shows(pilot, "kind         large", "$ fmtui L")


async def test_where_nobody_answers_it_can_be_typed(here: Context) -> None:
    async with opened() as pilot:
        form = _Form()
        form.refuse = True
        form.answer.set()
        pilot.app.push_screen(form)
        await pilot.pause()
        await pilot.press("enter")
        await shows(pilot, "Azure does not answer", "type to narrow")
        assert isinstance(pilot.app.screen, Picker)
        await type_in(pilot, "huge")
        await shows(pilot, "kind huge")
        await pilot.press("enter")
        await shows(pilot, "$ fmtui huge")
