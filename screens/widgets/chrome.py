"""The first line, where I am and what is alive, and the last, what I can press."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from fmtui.services.text import one_line
from screens.bindings import key_name, place
from screens.widgets.record_list import fit
from screens.widgets.states import MUTED

TABS = ("catalog", "models", "data", "runs", "endpoints")


@dataclass(frozen=True)
class Alive:
    """What goes on without the TUI: counts of runs and of endpoints."""

    runs: int = 0
    endpoints: int = 0


class TopBar(Widget):
    """The tabs on a list, the way here (`Models › minilm:1`) on a page, something on the right.

    Args:
        tab: The tab that this screen belongs to.
        crumbs: The way from the tab to here, none on a list.
    """

    def __init__(self, tab: str, crumbs: Sequence[str] = ()) -> None:
        super().__init__()
        self.tab = tab
        self.crumbs = list(crumbs)
        self.right: Content | None = None
        self._spans: list[tuple[int, int, str]] = []

    @property
    def alive(self) -> Alive:
        alive: Alive = getattr(self.app, "alive", Alive())
        return alive

    def set(self, crumbs: Sequence[str] | None = None, right: Content | None = None) -> None:
        """Change the way here, or what stands on the right."""
        self.crumbs = self.crumbs if crumbs is None else list(crumbs)
        self.right = right
        self.refresh()

    def render(self) -> Content:
        left = self._way() if self.crumbs else self._tabs()
        right = self.right if self.right is not None else Content.styled(_network(), MUTED)
        room = self.size.width - left.cell_length - 1
        if right.cell_length >= room:
            if not self.crumbs or room < 8:
                return left
            right = right.truncate(room - 1, ellipsis=True)
        gap = max(1, room - right.cell_length)
        return Content.assemble(left, " " * gap, right)

    def _way(self) -> Content:
        *way, here = [one_line(part) for part in self.crumbs]
        before = " " + "".join(f"{part} › " for part in way)
        most = max(12, self.size.width - cell_len(before) - 24)
        here = here if cell_len(here) <= most else fit(here, most)
        self._spans = [(0, cell_len(before), "back")]
        return Content.assemble((before, MUTED), (here, "bold"))

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = [(" fmtui ", MUTED)]
        at = 7
        self._spans = []
        for number, tab in enumerate(TABS, 1):
            words = f" {number} {tab.capitalize()}{self._count(tab)} "
            parts.append((words, "bold reverse" if tab == self.tab else ""))
            self._spans.append((at, at + cell_len(words), f"app.tab('{tab}')"))
            at += cell_len(words)
        return Content.assemble(*parts)

    def _count(self, tab: str) -> str:
        if tab == "runs" and self.alive.runs:
            return f" {self.alive.runs}▸"
        if tab == "endpoints" and self.alive.endpoints:
            return f" {self.alive.endpoints}"
        return ""

    async def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.run_action(action if "." in action else f"screen.{action}")


class KeyBar(Widget):
    """The keys in force, from the bindings themselves; what does not fit is in the help."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for _, key, word in self._places():
            parts += [" ", (key_name(key), "bold"), " ", (word, MUTED), " "]
        return Content.assemble(*parts)

    def _places(self) -> list[tuple[int, str, str]]:
        """Where each key begins, the key and its word, in the cells that there are."""
        own: list[tuple[str, str]] = []
        always: list[tuple[str, str]] = []
        seen: set[str] = set()
        shown = [(key, a) for key, a in self.screen.active_bindings.items() if a.binding.show]
        nodes = list(dict.fromkeys(active.node for _, active in shown))
        shown.sort(key=lambda item: (nodes.index(item[1].node), place(item[1].binding)))
        for key, active in shown:
            binding = active.binding
            if not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            (always if active.node is self.app else own).append((key, binding.description))
        room = self.size.width - sum(_cells(*item) for item in always)
        places, at = [], 0
        for item in own:
            if at + _cells(*item) > room:
                break
            places.append((at, *item))
            at += _cells(*item)
        for item in always:
            places.append((at, *item))
            at += _cells(*item)
        return places

    def on_click(self, event: events.Click) -> None:
        for start, key, word in self._places():
            if start <= event.x < start + _cells(key, word):
                self.app.simulate_key(key)


def _cells(key: str, word: str) -> int:
    return cell_len(key_name(key)) + cell_len(word) + 3


def _network() -> str:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    return "offline " if offline else ""
