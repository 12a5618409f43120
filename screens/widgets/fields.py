"""The lines of a form: a name, a value to type or to choose, and a note on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from fmtui.errors import FmtuiError
from fmtui.services.text import clean, one_line
from screens.bindings import bindings
from screens.widgets.lines import Line
from screens.widgets.picker import Option, Picker
from screens.widgets.states import MUTED


class Choice(Widget, can_focus=True):
    """A value out of some: enter shows them all, left and right step through them.

    Args:
        options: Makes the options when they are needed.
        free: Whether something else may be typed, such as a path.
    """

    BINDINGS = bindings("choice")

    @dataclass
    class Changed(Message):
        choice: Choice
        value: str

    def __init__(
        self,
        title: str,
        options: Callable[[], Sequence[Option]],
        *,
        value: str = "",
        empty: str = "choose",
        none: str = "There is nothing to choose from.",
        free: str = "",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.heading = title
        self.options = options
        self.empty = empty
        self.none = none
        self.free = free
        self._value = value
        self._label = ""

    def on_mount(self) -> None:
        self.look_up()

    def look_up(self) -> None:
        """The words of the value; options are asked for only when it changes."""
        found = (o.label for o in self.options() if o.value == self._value)
        self._label = one_line(next(found, self._value))
        self.refresh()

    @property
    def value(self) -> str:
        return self._value

    @value.setter
    def value(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self.look_up()
            self.post_message(self.Changed(self, value))

    def render(self) -> Content:
        style = "" if self._label else MUTED
        return Content.assemble((self._label or self.empty, style), (" ▾", MUTED))

    def action_choose(self) -> None:
        def chosen(option: Option | None) -> None:
            if option is not None:
                self.value = option.value

        def typed(words: str) -> Option:
            return Option(f"{self.free} {words}", words)

        self.app.push_screen(
            Picker(
                self.heading,
                self.options(),
                current=self._value,
                free=typed if self.free else None,
                empty=self.none,
            ),
            chosen,
        )

    def action_step(self, by: int) -> None:
        values = [option.value for option in self.options()]
        if values:
            at = values.index(self._value) + by if self._value in values else 0
            self.value = values[at % len(values)]

    def on_click(self) -> None:
        self.action_choose()


class Editable(Widget, can_focus=True):
    """A text of many lines that stands behind one: enter opens it.

    Args:
        text: Makes the text when it is opened. May raise FmtuiError, whose words are shown.
        check: Raises FmtuiError for a text that can't be kept.
    """

    BINDINGS = bindings("editable")

    @dataclass
    class Changed(Message):
        """Another text was kept; '' where it was taken away."""

        editable: Editable
        text: str

    def __init__(
        self,
        title: str,
        text: Callable[[], str],
        *,
        check: Callable[[str], object],
        label: str,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.heading = title
        self.make = text
        self.check = check
        self.label = label

    def tell(self, label: str) -> None:
        """Say another thing about the text."""
        self.label = label
        self.refresh()

    def render(self) -> Content:
        return Content.assemble((one_line(self.label), ""), (" ▾", MUTED))

    def action_edit(self) -> None:
        from screens.widgets.edit_text import EditText

        try:
            text = self.make()
        except FmtuiError as error:
            self.app.notify(clean(str(error)), severity="error", markup=False)
            return

        def edited(found: str | None) -> None:
            if found is not None and found != text:
                self.post_message(self.Changed(self, found))

        self.app.push_screen(EditText(self.heading, text, check=self.check), edited)

    def on_click(self) -> None:
        self.action_edit()


class TextField(Line):
    """A line to type on."""

    def __init__(self, value: str = "", *, hint: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=hint, compact=True, id=id, select_on_focus=False)


class Field(Horizontal):
    """A line of a form. `note` stands on the right of the value."""

    def __init__(
        self, name: str, control: Widget, note: str = "", *, classes: str | None = None
    ) -> None:
        super().__init__(classes=classes)
        self.label = name
        self.control = control
        self._note = note

    def compose(self) -> ComposeResult:
        yield Static(f" {self.label}", classes="label", markup=False)
        yield self.control
        yield Static(self._note, classes="note", markup=False)

    def note(self, words: str | Content) -> None:
        """Say something about the value."""
        shown: Any = words if isinstance(words, Content) else Content(clean(words))
        self.query_one(".note", Static).update(shown)


def options_of(values: Iterable[str]) -> list[Option]:
    """Options that say what they stand for."""
    return [Option(value, value) for value in values]
