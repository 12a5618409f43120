"""The TUI. The one module that knows the screens; each is imported when it is first shown."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.command import Provider
from textual.screen import Screen

from fmtui.errors import BadInputError, FmtuiError, UsageError
from fmtui.services.context import Context, context
from fmtui.services.text import clean
from screens.base import STYLES
from screens.bindings import bindings
from screens.catalog import CatalogScreen
from screens.threads import finish_threads, threaded
from screens.widgets.chrome import Alive, TopBar

_LOOK_SECONDS = 2.0
"""Between two looks at what an earlier program began in Azure."""


def _tab(module: str, name: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(import_module(f"screens.{module}"), name)()
        return screen

    return make


def _commands() -> type[Provider]:
    from screens.commands import BindingCommands

    return BindingCommands


class FmtuiApp(App[None]):
    """Five tabs, each a mode with a stack of its own screens, so that it stays as it was left."""

    TITLE = "fmtui"
    CSS_PATH = STYLES / "app.tcss"
    BINDINGS = [*bindings("app")]
    COMMANDS = App.COMMANDS | {_commands}
    ENABLE_COMMAND_PALETTE = True
    MODES: ClassVar[dict[str, Any]] = {
        "catalog": CatalogScreen,
        "models": _tab("models", "ModelsScreen"),
        "data": _tab("data", "DataScreen"),
        "runs": _tab("runs", "RunsScreen"),
        "endpoints": _tab("endpoints", "EndpointsScreen"),
    }
    DEFAULT_MODE = "catalog"

    def __init__(self) -> None:
        super().__init__()
        self.alive = Alive()
        self.set_keymap(_keymap(context()))

    def on_mount(self) -> None:
        self.call_after_refresh(self.look_after)

    def look_after(self) -> None:
        """The first frame is painted: from now on runs are looked after, and counted."""
        self.run_worker(self._count(dispatch=True), group="alive", exit_on_error=False)
        self.run_worker(self._go_on(), group="azure", exit_on_error=False)
        self.set_interval(
            2.0,
            lambda: self.run_worker(
                self._count(), group="alive", exclusive=True, exit_on_error=False
            ),
        )

    async def _go_on(self) -> None:
        """See what an earlier program began in Azure through to its end, and say how it ended."""
        from fmtui.services import azure_endpoints

        ctx = context()
        names = await threaded(azure_endpoints.unfinished, ctx)
        while names:
            for name in names:
                with suppress(FmtuiError):  # Azure can't be asked now; its page says why
                    info = await threaded(azure_endpoints.show, ctx, name, fresh=True)
                    if name not in azure_endpoints.unfinished(ctx):
                        words = clean(f"{name} in Azure ML is {info.state}.")
                        self.notify(words, markup=False)
            left = await threaded(azure_endpoints.unfinished, ctx)
            names = [name for name in names if name in left]
            await asyncio.sleep(_LOOK_SECONDS)

    async def _count(self, *, dispatch: bool = False) -> None:
        alive = await threaded(_alive, context(), dispatch)
        if alive != self.alive:
            self.alive = alive
            for bar in self.screen.query(TopBar):
                bar.refresh()

    async def action_tab(self, tab: str) -> None:
        """To a tab as it was left; from within it, back to its list."""
        if tab != self.current_mode:
            await self.switch_mode(tab)
            return
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    def action_help(self) -> None:
        from screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(list(self.screen.active_bindings.values())))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Of Textual's own commands only the theme: the others are bindings of ours, or noise."""
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)

    def _fatal_error(self) -> None:
        """A sentence for the person; the traceback goes to the log."""
        from rich.text import Text

        from fmtui.services.trouble import record

        error = self._exception or RuntimeError("the screen broke")
        told = error if isinstance(error, FmtuiError) else record(context().home, error)
        self.panic(*([] if self.is_headless else [Text(f"Error: {told}")]))


def _alive(ctx: Context, dispatch: bool) -> Alive:
    """How many runs and endpoints there are alive; whoever looks also reaps and dispatches."""
    from fmtui.services import endpoints, runs

    if dispatch:
        runs.dispatch(ctx)
    if runs.active(ctx):
        runs.reap(ctx)
    served = sum(e.state == "healthy" for e in endpoints.list_endpoints(ctx))
    return Alive(runs.active(ctx), served)


def _keymap(ctx: Context) -> dict[str, str]:
    """The `[keys]` table of config.toml: the name of a binding, and its keys."""
    if not ctx.home.config.exists():
        return {}
    import tomllib

    try:
        keys = tomllib.loads(ctx.home.config.read_text(encoding="utf-8")).get("keys", {})
    except (OSError, ValueError) as error:
        raise BadInputError(f"can't be read: {error}", file=str(ctx.home.config)) from error
    return {str(name): str(key) for name, key in keys.items()}


def run() -> int:
    """Open the TUI; returns the exit code. Raises UsageError where there is no terminal."""
    terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not terminal and "TEXTUAL_DRIVER" not in os.environ:  # a browser's has one of its own
        raise UsageError(
            "the TUI needs a terminal", hint="`fmtui --help` lists the commands for scripts."
        )
    context().db.prepare()
    app = FmtuiApp()
    app.run()
    finish_threads()
    return app.return_code or 0


def draw(place: str, width: int, height: int) -> str:
    """An SVG of a screen, rendered without a terminal.

    Args:
        place: A tab, or `model:REF`, `run:rN` and so on, as in `screens.places`.

    Raises:
        UsageError: There is no such place.
        FmtuiError: What it should show can't be found.
    """
    import asyncio

    from screens.places import go, settled

    async def job() -> str:
        app = FmtuiApp()
        async with app.run_test(size=(width, height)) as pilot:
            await go(app, place)
            await settled(pilot)
            return app.export_screenshot(title="fmtui")

    context().db.prepare()
    return asyncio.run(job())
