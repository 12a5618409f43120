"""All parameters of a finetuning, by group: what each does, what it takes, where its value is
from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from fmtui.errors import FmtuiError
from fmtui.services import settings
from fmtui.services.settings import SettingInfo
from fmtui.services.text import clean, one_line
from screens.base import Modal
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar
from screens.widgets.lines import Line
from screens.widgets.picker import Option, Picker
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sources import Rows
from screens.widgets.states import MUTED

Put = Callable[[str, str], None]
_GIVEN = "set here"


class Parameters(Widget, can_focus=True):
    """The line of a form behind which all parameters are: enter opens them."""

    BINDINGS = bindings("editable")

    def __init__(self, show: Callable[[], None], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._show = show

    def render(self) -> Content:
        return Content.assemble("all, by group, with what each does", (" ▾", MUTED))

    def action_edit(self) -> None:
        self._show()

    def on_click(self) -> None:
        self._show()


class ParameterList(Modal[None]):
    """Shows all parameters, and changes the one that is opened.

    Args:
        infos: All of them, with the values that they have where nobody says anything.
        given: Those that somebody set, as they were typed.
        put: Called with a name and its new value, '' to take it away.
    """

    BINDINGS = bindings("picker")
    AUTO_FOCUS = "Line"

    def __init__(self, infos: Sequence[SettingInfo], given: Mapping[str, str], put: Put) -> None:
        super().__init__()
        self.infos = infos
        self.given = dict(given)
        self.put = put

    def compose(self) -> ComposeResult:
        columns = [
            Column[SettingInfo]("group", lambda s: (s.group, "dim"), width=10),
            Column("setting", lambda s: s.name, width=27),
            Column("value", self._value, width=18),
            Column("from", lambda s: (self._source(s), "dim")),
        ]
        with Vertical(id="frame") as frame:
            frame.border_title = Content("Parameters")
            yield Line(compact=True, placeholder="type to narrow, enter changes", id="narrow")
            yield RecordList(
                columns,
                key=lambda s: s.name,
                mark=lambda s: "●" if s.name in self.given else "",
                empty="No parameter is like this.",
                id="options",
            )
            yield Static(id="about", markup=False)
        yield KeyBar()

    @property
    def options_list(self) -> RecordList[SettingInfo]:
        return self.query_one("#options", RecordList)

    def on_mount(self) -> None:
        self.options_list.can_focus = False
        self._load("")

    def _load(self, typed: str) -> None:
        wanted = typed.lower().split()
        rows = [
            info
            for info in self.infos
            if all(word in f"{info.group} {info.name} {info.help}".lower() for word in wanted)
        ]
        self.options_list.load(Rows(rows), keep=True)
        self._describe()

    def _value(self, info: SettingInfo) -> str:
        return one_line(self.given.get(info.name, info.value)) or "–"

    def _source(self, info: SettingInfo) -> str:
        return _GIVEN if info.name in self.given else info.source

    def _describe(self) -> None:
        info = self.options_list.record
        words = ""
        if info is not None:
            azure = f"; on Azure ML {info.azure}" if info.azure not in (None, info.name) else ""
            words = f"{info.help}\n{info.expected}{azure}"
        self.query_one("#about", Static).update(Content.styled(clean(words), MUTED))

    @on(RecordList.Moved)
    def _moved(self) -> None:
        self._describe()

    @on(Input.Changed, "#narrow")
    def _typed(self, event: Input.Changed) -> None:
        self._load(event.value)

    @on(Input.Submitted, "#narrow")
    def _entered(self) -> None:
        self.options_list.action_open()

    @on(RecordList.Opened)
    def _opened(self, event: RecordList.Opened) -> None:
        self._change(event.record)

    def _change(self, info: SettingInfo) -> None:
        choices = info.choices or (("true", "false") if info.kind == "bool" else ())
        options = [Option("leave it at its default", "", one_line(info.value))]
        options += [Option(choice, choice) for choice in choices]

        def chosen(option: Option | None) -> None:
            if option is not None:
                self._set(info.name, str(option.value))

        self.app.push_screen(
            Picker(
                f"{info.name}: {info.expected}",
                options,
                current=self.given.get(info.name, ""),
                free=None if choices else lambda words: Option(f"{info.name} = {words}", words),
                only_typed=not choices,
            ),
            chosen,
        )

    def _set(self, name: str, value: str) -> None:
        try:
            if value:
                settings.check_value(name, value)
        except FmtuiError as error:
            self.app.notify(clean(str(error)), severity="error", markup=False)
            return
        self.given.pop(name, None)
        if value:
            self.given[name] = value
        self.put(name, value)
        self._load(self.query_one("#narrow", Line).value)

    def action_move(self, lines: int) -> None:
        self.options_list.action_move(lines)

    def action_page(self, times: int) -> None:
        self.options_list.action_page(times)

    def action_cancel(self) -> None:
        self.dismiss(None)
