"""The palette: every binding in force is a command that can be found by its words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from screens.bindings import key_name


class BindingCommands(Provider):
    """The commands of the screen under the palette, with their keys."""

    def _commands(self) -> list[tuple[str, str, Callable[[], object]]]:
        found: dict[str, tuple[bool, tuple[str, str, Callable[[], object]]]] = {}
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.tooltip or not active.enabled or binding.action == "command_palette":
                continue
            run = partial(self.app.run_action, binding.action, active.node)
            words = f"{binding.tooltip.rstrip('.')}  ({key_name(key)})"
            found.setdefault(binding.action, (not binding.show, (words, binding.description, run)))
        return [item for _, item in sorted(found.values(), key=lambda pair: pair[0])]

    async def discover(self) -> Hits:
        for words, _, run in self._commands():
            yield DiscoveryHit(words, run)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, _, run in self._commands():
            if (score := matcher.match(words)) > 0:
                yield Hit(score, matcher.highlight(words), run)
