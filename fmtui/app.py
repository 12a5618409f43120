"""The TUI. The one module that knows the screens; each is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import screens
from screens.bindings import bindings
from screens.catalog import CatalogScreen
from screens.widgets.chrome import Alive, TopBar
from textual.app import App
from textual.screen import Screen

from fmtui.services.context import context


def _tab(module: str, name: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        screen: Screen[Any] = getattr(import_module(f"screens.{module}"), name)()
        return screen

    return make


class FmtuiApp(App[None]):
    """Five tabs, each a mode with a stack of screens of its own, so that it stays as it was left."""

    TITLE = "fmtui"
    CSS_PATH = Path(screens.__file__).parent / "styles" / "app.tcss"
    BINDINGS = bindings("app")
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

    def on_mount(self) -> None:
        self.call_after_refresh(self.watch)

    def watch(self) -> None:
        """The first frame is painted: look after runs from now on, and count what is alive."""

    def action_tab(self, tab: str) -> None:
        self.switch_mode(tab)

    def action_help(self) -> None:
        from screens.help import HelpScreen

        self.push_screen(HelpScreen())


def run() -> int:
    """Open the TUI; returns the exit code."""
    context().db.prepare()
    app = FmtuiApp()
    app.run()
    return app.return_code or 0
