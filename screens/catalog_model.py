"""The page of a model that could be imported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget

from fmtui.services import catalog
from fmtui.services.text import clean, number
from registry.catalog.views import CatalogEntry
from screens.base import Page
from screens.bindings import bindings
from screens.catalog import entry_facts
from screens.threads import threaded
from screens.widgets.prose import Prose
from screens.widgets.states import MUTED


class CatalogModelPage(Page):
    TAB = "catalog"
    BINDINGS = bindings("catalog_model")
    AUTO_FOCUS = "Prose"

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = ref

    def crumbs(self) -> Sequence[str]:
        return ("Catalog", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Prose(id="card")

    def on_mount(self) -> None:
        self.start(self._load, group="load", wait=True)

    async def _load(self) -> None:
        entry = await threaded(catalog.show, self.ctx, self.ref)
        words = (
            f"{', '.join(entry.tasks)}   {number(entry.parameters) if entry.parameters else ''} "
        )
        self.top.set(("Catalog", entry.name), Content.styled(clean(words), MUTED))
        prose = self.query_one(Prose)
        prose.set(_card(entry))
        await prose.add_markdown(entry.description or "")

    def action_import_model(self) -> None:
        from screens.forms.import_model import ImportForm

        self.app.push_screen(ImportForm(self.ref))

    def action_copy_reference(self) -> None:
        self.copy(self.ref, self.ref)


def _card(entry: CatalogEntry) -> Content:
    """All that the catalogue tells: facts, what it needs, what to finetune it with."""
    parts: list[str | Content | tuple[str, str]] = [entry_facts(entry)]
    for job, needs in entry.skus.items():
        parts += ["\n\n", (f"To run: {clean(job)}", "bold")]
        for name, value in needs.items() if isinstance(needs, dict) else ():
            words = ", ".join(map(str, value)) if isinstance(value, list) else _plain(value)
            parts += [(f"\n  {clean(str(name)):<12} ", MUTED), clean(words)]
    if entry.defaults:
        parts += ["\n\n", ("Its publisher finetunes it with", "bold")]
        for name, value in entry.defaults.items():
            parts += [(f"\n  {clean(name):<36} ", MUTED), clean(str(value))]
    return Content.assemble(*parts)


_UNITS = {"cpus": "CPUs", "gpus": "GPUs", "memory_gib": "GiB of memory", "disk_gib": "GiB of disk"}


def _plain(value: object) -> str:
    """`4 CPUs, 14 GiB of memory`: what is not needed is left out."""
    if isinstance(value, dict):
        return ", ".join(f"{v} {_UNITS.get(k, k.replace('_', ' '))}" for k, v in value.items() if v)
    return value if isinstance(value, str) else json.dumps(value)
