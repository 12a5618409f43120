"""Bring the catalogue up to date: from the hub, from Azure ML, or from its specifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fmtui.services.context import context
from fmtui.services.sync import FOLDER, HUB, LIVE, SyncRequest, sources
from screens.forms.base import Form
from screens.threads import threaded_whole
from screens.widgets.fields import Choice, Field, TextField, options_of

_FIELDS = {
    "task": (HUB, "every task; such as text-classification"),
    "author": (HUB, "everybody; such as google-bert"),
    "library": (HUB, "all; such as transformers"),
    "license": (HUB, "all; such as apache-2.0"),
    "search": (HUB, "every name; or a part of one"),
    "limit": (HUB, "all; or so many, the most downloaded first"),
    "registry": (LIVE, "azureml; or another one's name"),
    "folder": (FOLDER, "a checkout of Azure ML's model specifications"),
}
"""Each field with the source that it belongs to, and what stands there when it is empty."""


class SyncForm(Form):
    TAB = "catalog"
    TITLE_WORDS = "sync"

    def crumbs(self) -> Sequence[str]:
        return ("Catalog", "sync")

    def fields(self) -> Iterable[Field]:
        yield Field(
            "from",
            Choice("From where", lambda: options_of(sources(context())), value=HUB, id="source"),
        )
        for name, (_, hint) in _FIELDS.items():
            yield Field(name, TextField(hint=hint, id=name))

    def first(self) -> str:
        return "#source"

    def _request(self) -> SyncRequest:
        source = self.query_one("#source", Choice).value
        values = {
            name: self.query_one(f"#{name}", TextField).value.strip()
            for name, (of, _) in _FIELDS.items()
            if of == source
        }
        return SyncRequest(source=source, **values)

    def command(self) -> str:
        return self._request().command()

    def changed(self) -> None:
        super().changed()
        source = self.query_one("#source", Choice).value
        for name, (of, _) in _FIELDS.items():
            parent = self.query_one(f"#{name}").parent
            assert isinstance(parent, Field)
            parent.display = of == source

    async def submit(self) -> None:
        self.tell("asking …")
        done = await threaded_whole(self._request().run, self.ctx, self.told)
        self.say(
            f"{done.source}: {done.total:,} models, {done.new:,} new, "
            f"{done.updated:,} updated, {done.gone:,} gone."
        )
        self.action_back()
