"""What every screen has: its first and last line, work in the background, errors as sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from fmtui.errors import FmtuiError
from fmtui.services.context import Context, context
from fmtui.services.text import clean, one_line
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar, TopBar
from screens.widgets.states import MUTED

STYLES = Path(__file__).with_name("styles")

T = TypeVar("T")


class Background:
    """Mixed into screens: long work in threads, and what it raises as a sentence."""

    @property
    def ctx(self) -> Context:
        return context()

    def start(
        self: Any, job: Callable[[], Coroutine[Any, Any, None]], *, group: str, wait: bool = False
    ) -> None:
        """Run `job`. One that is at work in the same group is cancelled, or, with `wait`, let be.

        What is done again and again waits, so that a slow disk delays it but never starves it.
        """
        at_work = any(
            w.group == group and w.node is self and not w.is_finished for w in self.workers
        )
        if not (wait and at_work):
            self.run_worker(
                partial(self._guard, job), group=group, exclusive=True, exit_on_error=False
            )

    async def _guard(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await job()
        except FmtuiError as error:
            self.fail(error)
        except Exception as error:
            from fmtui.services.trouble import record

            self.fail(record(self.ctx.home, error))

    def fail(self: Any, error: FmtuiError) -> None:
        """Show an error; screens with a place of their own for it override this."""
        self.say(str(error), severity="error")

    def say(self: Any, message: str, *, severity: str = "information") -> None:
        """A passing message; the words may come from outside."""
        seconds = 12 if severity == "error" else 5
        self.app.notify(clean(message), severity=severity, timeout=seconds, markup=False)

    def confirm(
        self: Any,
        question: str,
        more: str,
        job: Callable[[], Coroutine[Any, Any, None]],
        *,
        group: str,
    ) -> None:
        """Ask before what can't be undone, and `start` the job where the answer is yes."""
        from screens.widgets.confirm import Confirm

        def answered(yes: bool | None) -> None:
            if yes:
                self.start(job, group=group)

        self.app.push_screen(Confirm(question, more), answered)

    def copy(self: Any, text: str, what: str) -> None:
        """Put `text` on the clipboard and say which way it went."""
        from screens.clipboard import copy

        async def job() -> None:
            route = await copy(self.app, text)
            self.say(f"Copied {what} {route}.")

        self.start(job, group="copy")


class Page(Background, Screen[None]):
    """A screen under the tab `TAB`: first line, body, last line."""

    CSS_PATH: ClassVar[Path | None] = STYLES / "pages.tcss"
    TAB: ClassVar[str] = ""
    LEAVES_FIELDS: ClassVar[bool] = True
    BINDINGS = bindings("page")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]

    def crumbs(self) -> Sequence[str]:
        """The way here, for the first line; none shows the tabs."""
        return ()

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def compose(self) -> Iterable[Widget]:
        yield TopBar(self.TAB, self.crumbs())
        yield from self.body()
        yield KeyBar()

    @property
    def top(self) -> TopBar:
        return self.query_one(TopBar)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is a way back from a page, and out of a field, but not from a tab."""
        if action == "back":
            return bool(self.crumbs()) or self._typing()
        return True

    def _typing(self) -> bool:
        """Whether a field has the keyboard that letters go to."""
        return self.focused is not None and self.focused.check_consume_key("a", "a")

    def action_back(self) -> None:
        """Out of a field first, then to the screen before."""
        if self._typing() and self.LEAVES_FIELDS:
            self.focus_next()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()


class Modal(Background, ModalScreen[T]):
    """A small screen over another, with the last line of its own."""

    CSS_PATH = STYLES / "pages.tcss"


def facts(*pairs: tuple[str, str | Content | None], width: int = 44) -> Content:
    """A table of names and values, folded to `width` cells; what is unknown is left out."""
    known = [(name, value) for name, value in pairs if value]
    indent = max((len(name) for name, _ in known), default=0) + 2
    lines = []
    for name, value in known:
        words = value if isinstance(value, Content) else Content(_folded(value, indent, width))
        lines.append(Content.assemble((f"{name:<{indent}}", MUTED), words))
    return Content("\n").join(lines)


def _folded(words: str, indent: int, width: int) -> str:
    room = max(width - indent, 12)
    lines = textwrap.wrap(one_line(words), room, break_on_hyphens=False) or [""]
    return ("\n" + " " * indent).join(lines)
