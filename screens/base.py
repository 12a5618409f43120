"""What every screen has: the first and the last line, errors as sentences, work in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker

from fmtui.errors import FmtuiError
from fmtui.services.context import Context, context
from fmtui.services.text import clean
from screens.bindings import bindings
from screens.widgets.chrome import KeyBar, TopBar

T = TypeVar("T")
R = TypeVar("R")


class Background:
    """Mixed into screens: long work in threads, and what it raises as a sentence."""

    @property
    def ctx(self) -> Context:
        return context()

    def start(self: Any, job: Coroutine[Any, Any, None], *, group: str) -> Worker[None]:
        """Run `job`; one that runs in the same group is cancelled first."""
        worker: Worker[None] = self.run_worker(
            self._guard(job), group=group, exclusive=True, exit_on_error=False
        )
        return worker

    async def _guard(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except FmtuiError as error:
            self.fail(error)
        except Exception as error:
            from screens.trouble import record

            self.fail(record(self.ctx.home, error))

    def fail(self: Any, error: FmtuiError) -> None:
        """Show an error; screens with a place of their own for it override this."""
        self.say(str(error), severity="error")

    def say(self: Any, message: str, *, severity: str = "information") -> None:
        """A passing message; the words may come from outside."""
        seconds = 12 if severity == "error" else 5
        self.app.notify(clean(message), severity=severity, timeout=seconds, markup=False)

    def copy(self: Any, text: str, what: str) -> None:
        """Put `text` on the clipboard and say which way it went."""
        from screens.clipboard import copy

        async def job() -> None:
            route = await copy(self.app, text)
            self.say(f"Copied {what} {route}.")

        self.start(job(), group="copy")


async def threaded(job: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Run a service in a thread, so that the keyboard stays alive."""
    return await asyncio.to_thread(job, *args, **kwargs)


class Page(Background, Screen[None]):
    """A screen under the tab `TAB`: first line, body, last line."""

    TAB: ClassVar[str] = ""
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

    def action_back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()


class Modal(Background, ModalScreen[T]):
    """A small screen over another, with the last line of its own."""


def facts(*pairs: tuple[str, str | Content | None]) -> Content:
    """A table of names and values; what is unknown is left out."""
    width = max((len(name) for name, value in pairs if value), default=0) + 2
    lines = []
    for name, value in pairs:
        if value:
            words = value if isinstance(value, Content) else Content(clean(value))
            lines.append(Content.assemble((f"{name:<{width}}", "$text-muted"), words))
    return Content("\n").join(lines)
