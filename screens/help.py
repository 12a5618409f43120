"""All keys of a screen, from the bindings that are in force on it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from screens.base import Modal
from screens.bindings import bindings, key_name
from screens.widgets.chrome import KeyBar
from screens.widgets.prose import Prose


class HelpScreen(Modal[None]):
    """Shows the keys of the screen that it was opened over."""

    BINDINGS = bindings("help")
    AUTO_FOCUS = "Prose"

    def __init__(self, active: Sequence[ActiveBinding]) -> None:
        super().__init__()
        self.active = active

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = "Keys"
            yield Prose(keys_help(self.active))
        yield KeyBar()

    def action_close(self) -> None:
        self.dismiss(None)


def keys_help(active: Sequence[ActiveBinding]) -> Content:
    """One line a command: its keys and its sentence; this screen's first, then everywhere's."""
    here: dict[tuple[str, str], list[str]] = {}
    everywhere: dict[tuple[str, str], list[str]] = {}
    for item in active:
        binding = item.binding
        if not binding.tooltip:
            continue
        group = here if isinstance(item.node, Widget) else everywhere
        group.setdefault((binding.action, binding.tooltip), []).append(key_name(binding.key))
    parts: list[str | tuple[str, str]] = []
    for title, group in (("On this screen", here), ("Everywhere", everywhere)):
        if parts:
            parts.append("\n")
        parts.append((f"{title}\n", "bold"))
        for (_, sentence), keys in group.items():
            parts += [(f"  {' '.join(keys):<14}", "bold"), f" {sentence}\n"]
    return Content.assemble(*parts)
