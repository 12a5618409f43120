"""What every form has: fields, one line of state, the command it stands for, and ctrl+s."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.cells import cell_len
from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from fmtui.errors import BadInputError, FmtuiError, UsageError
from fmtui.services.text import clean
from screens.base import Page
from screens.bindings import bindings
from screens.threads import threaded
from screens.widgets.fields import Choice, Editable
from screens.widgets.states import MUTED

PAUSE_SECONDS = 0.15
"""So long nobody has typed before a form is worked out."""


class CancelledError(Exception):
    """Raised in a service's progress callback when the form was left."""


class CommandLine(Static):
    """The command, as it can be typed into a shell, folded where it is long."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.command = ""

    def show(self, command: str) -> None:
        self.command = command
        self.update(Content.styled(folded(clean(command), self.size.width - 2), "bold"))

    def on_resize(self) -> None:
        self.show(self.command)


class Fields(VerticalScroll, can_focus=False):
    """The lines of a form. The one with the keyboard stays in sight when the room shrinks."""

    def on_resize(self) -> None:
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            self.call_after_refresh(self.scroll_to_widget, focused, animate=False)


class Form(Page):
    """A subclass gives `fields`, `command`, and `submit`, which runs in the background."""

    BINDINGS = bindings("form")
    AUTO_FOCUS = ""
    TITLE_WORDS = ""
    LEAVES_FIELDS = False

    @dataclass
    class Told(Message):
        """How far a service is."""

        words: str

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Form.Told)

    def __init__(self) -> None:
        super().__init__()
        self.working = False
        self.left = False

    def fields(self) -> Iterable[Widget]:
        raise NotImplementedError

    def command(self) -> str:
        """The line that does the same. May raise FmtuiError while the form is not filled in."""
        raise NotImplementedError

    async def submit(self) -> None:
        """Do it; what it raises is shown on the line of state."""
        raise NotImplementedError

    def crumbs(self) -> Sequence[str]:
        return (self.TAB.capitalize(), self.TITLE_WORDS)

    def body(self) -> Iterable[Widget]:
        with Fields(id="fields"):
            yield from self.fields()
        yield Static(id="state", markup=False)
        yield CommandLine()

    def on_mount(self) -> None:
        self.query_one(self.first()).focus()
        self.changed()

    def first(self) -> str:
        """The field that has the keyboard at first, as a selector."""
        return "TextField"

    def on_unmount(self) -> None:
        self.left = True

    @on(Input.Changed)
    @on(Choice.Changed)
    @on(Editable.Changed)
    def _changed(self) -> None:
        self.changed()

    def changed(self) -> None:
        """A field has another value: the command follows."""
        words = self.show_command()
        if words:
            self.tell(words, "$text-warning")
        elif not self.working:
            self.tell("")

    def show_command(self) -> str:
        """Write the command anew; gives what is missing for one, '' where nothing is."""
        try:
            self.query_one(CommandLine).show(f"$ {self.command()}")
        except FmtuiError as error:
            self.query_one(CommandLine).show("$ …")
            return str(error)
        return ""

    def look_ahead(self, plan: Callable[[], str]) -> None:
        """Say on the line of state what it will cost, once the typing pauses.

        Args:
            plan: Gives the words, in a thread; the FmtuiError that it raises is shown.
        """
        self.start(partial(self._look_ahead, plan), group="plan")

    async def _look_ahead(self, plan: Callable[[], str]) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        if not self.working:
            self.tell("asking Azure ML …", MUTED)
        try:
            found = Content.assemble(("cost   ", MUTED), clean(await threaded(plan)))
        except FmtuiError as error:
            found = Content.styled(f"✗ {clean(str(error))}", "$text-error")
        if not self.working:
            self.tell(found)

    def tell(self, words: str | Content, style: str = "") -> None:
        """The line of state."""
        shown = words if isinstance(words, Content) else Content.styled(clean(words), style)
        self.query_one("#state", Static).update(shown)

    def fail(self, error: FmtuiError) -> None:
        self.working = False
        self.tell(f"✗ {error}", "$text-error")

    def action_submit(self) -> None:
        if self.working:
            self.say(f"It is under way already; {self.leaving()}.")
            return
        self.working = True
        self.start(self._submit, group="submit")

    def leaving(self) -> str:
        """What esc does to the work that is under way."""
        return "esc cancels it"

    async def _submit(self) -> None:
        try:
            await self.submit()
        except CancelledError:
            pass
        finally:
            self.working = False

    def action_copy_command(self) -> None:
        try:
            self.copy(self.command(), "the command")
        except FmtuiError as error:
            self.fail(error)

    def told(self, words: str) -> None:
        """For a service's progress, from its thread. Raises CancelledError once the form was left.

        It waits for nobody: a program that is being closed would never answer.
        """
        if self.left:
            raise CancelledError
        self.post_message(self.Told(words))

    @on(Told)
    def _told(self, event: Told) -> None:
        self.tell(event.words)

    def replace(self, page: Any) -> None:
        """Go on to a page; back from it leads to where the form was opened."""
        self.app.switch_screen(page)


def required(value: str, what: str, hint: str | None = None) -> str:
    """The value without spaces around it. Raises BadInputError where there is none."""
    if not value.strip():
        raise BadInputError(f"{what} is needed", hint=hint)
    return value.strip()


def whole(text: str, what: str) -> int | None:
    """The number that was typed, None where nothing was. Raises UsageError for anything else."""
    words = text.strip()
    if words and not (words.isascii() and words.isdigit()):
        raise UsageError(f"{what}: `{words}` is not a whole number")
    return int(words) if words else None


def pairs(text: str, what: str) -> dict[str, str]:
    """`a=1, b=2` as a dict; a value goes on until the next name. Raises UsageError for a part
    without `=`."""
    result: dict[str, str] = {}
    for part in re.split(r"[,\s]+(?=[^\s,=]+=)", text.strip(", ")) if text.strip(", ") else ():
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(f"{what}: `{part}` is not like name=value")
        result[key] = value
    return result


def bar(done: int, total: int, width: int = 24) -> str:
    """A bar of `width` cells."""
    full = round(min(done / total, 1.0) * width) if total else 0
    return "█" * full + "░" * (width - full)


_SHELL_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")


def folded(command: str, width: int) -> str:
    """A command on lines of at most `width` cells, each but the last ending in ` \\`.

    What stands in quotes is not parted: there a backslash would be one of its characters.
    """
    lines, line = [], ""
    for word in _SHELL_WORD.findall(command):
        if line and cell_len(line) + cell_len(word) + 3 > width:
            lines.append(line + " \\")
            line = "    " + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
