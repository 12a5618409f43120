"""The page of a model that could be imported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget

from fmtui.services import azure, catalog
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
        self.entry: CatalogEntry | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Catalog", self.ref)

    def body(self) -> Iterable[Widget]:
        yield Prose(id="card")

    def on_mount(self) -> None:
        self.start(self._load, group="load", wait=True)

    async def _load(self) -> None:
        self.entry = entry = await threaded(catalog.show, self.ctx, self.ref)
        self.refresh_bindings()
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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What the model can be used for without being here: in Azure ML, by its reference."""
        if action in ("finetune", "deploy"):
            known = self.entry is not None and azure.configured(self.ctx)
            return known and (action == "finetune" or not self.ref.startswith("hf:"))
        return super().check_action(action, parameters)

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(self.ref, where="azureml"))

    def action_deploy(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm(model=self.ref, where="azureml"))

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
        words = ((v, _UNITS.get(k, k.replace("_", " "))) for k, v in value.items() if v)
        return ", ".join(f"{v} {word.removesuffix('s') if v == 1 else word}" for v, word in words)
    return value if isinstance(value, str) else json.dumps(value)
