"""Import a model: from the catalogue, the hub, or a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fmtui.errors import FmtuiError
from fmtui.services import models
from fmtui.services.models import ImportProgress
from fmtui.services.text import one_line, size
from screens.forms.base import Form, bar, required
from screens.threads import threaded_whole
from screens.widgets.fields import Field, TextField


class ImportForm(Form):
    """`reference` is what the form is filled in with."""

    TAB = "models"

    def __init__(self, reference: str = "") -> None:
        super().__init__()
        self.reference = reference

    def crumbs(self) -> Sequence[str]:
        return ("Models", "import")

    def fields(self) -> Iterable[Field]:
        yield Field("from", TextField(self.reference, hint="hf:ORG/NAME or a folder", id="source"))
        yield Field("name", TextField(hint="chosen from the source", id="name"))

    def _values(self) -> tuple[str, str | None]:
        source = required(
            self.query_one("#source", TextField).value,
            "A source",
            "Type hf:ORG/NAME[@REVISION], azureml:NAME, or the path of a folder.",
        )
        return source, self.query_one("#name", TextField).value.strip() or None

    def command(self) -> str:
        return models.import_command(*self._values())

    def changed(self) -> None:
        super().changed()
        source = self.query_one("#source", TextField).value.strip()
        hint = models.suggest_name(source) if source else "chosen from the source"
        self.query_one("#name", TextField).placeholder = hint

    async def submit(self) -> None:
        source, name = self._values()

        def progress(now: ImportProgress) -> None:
            self.told(_progress_words(now))

        self.tell("asking …")
        model = await threaded_whole(
            models.import_model, self.ctx, source, name=name, progress=progress
        )
        self.say(f"{model.ref} is here.")
        from screens.model import ModelPage

        self.replace(ModelPage(model.ref))

    def fail(self, error: FmtuiError) -> None:
        super().fail(error)
        self.query_one("#source", TextField).focus()


def _progress_words(now: ImportProgress) -> str:
    words = f"{now.stage} {one_line(now.file)}"
    if not now.total:
        return words
    return f"{bar(now.done, now.total)}  {size(now.done)} of {size(now.total)}   {words}"
