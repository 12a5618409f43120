"""Import a model: from the catalogue, the hub, or a folder; or let Azure ML import one.

What comes over the network is looked at first: the checks are shown, and a second ctrl+s
fetches it. At the end the model answers a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.errors import BadInputError, FmtuiError
from fmtui.services import azure_import, models
from fmtui.services.models import ImportProgress, Permissions
from fmtui.services.text import clean, duration, one_line, size
from screens.forms.azure_places import targets, workspace_words
from screens.forms.base import CommandLine, Form, bar, required
from screens.forms.import_azure import ImportFields
from screens.threads import threaded, threaded_whole
from screens.widgets.fields import Choice, Field, TextField
from screens.widgets.picker import Option

if TYPE_CHECKING:
    from fmtui.services.models import Preflight
    from fmtui.services.smoke import Smoke

_MARKS = {
    "ok": ("✓", "$text-success"),
    "warning": ("!", "$text-warning"),
    "no": ("✗", "$text-error"),
}


_PICKLES = (
    Option("refused", "", "a pickle can run code when it is opened"),
    Option("converted", "yes", "scanned, then made safetensors without network"),
)
_CODE = (
    Option("refused", "", "only models that transformers knows"),
    Option("taken", "yes", "pinned to this revision; it runs when the model is used"),
)


class ImportForm(Form):
    """`reference` is what the form is filled in with."""

    TAB = "models"

    def __init__(self, reference: str = "") -> None:
        super().__init__()
        self.reference = reference
        self._looked_at: tuple[str, Permissions] | None = None
        self._imported: str | None = None

    def crumbs(self) -> Sequence[str]:
        return ("Models", "import")

    def fields(self) -> Iterable[Widget]:
        yield Field("from", TextField(self.reference, hint="hf:ORG/NAME or a folder", id="source"))
        yield Field("name", TextField(hint="chosen from the source", id="name"))
        yield Field("where", Choice("Where", targets, value="local", id="where"))
        yield ImportFields()
        yield Field("pickles", Choice("Pickled weights", lambda: _PICKLES, id="pickles"))
        yield Field("own code", Choice("Code of the model's own", lambda: _CODE, id="code"))

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="fields", can_focus=False):
            yield from self.fields()
            yield Static(id="checks", markup=False)
        yield Static(id="state", markup=False)
        yield CommandLine()

    def _values(self) -> tuple[str, str | None]:
        source = required(
            self.query_one("#source", TextField).value,
            "A source",
            "Type hf:ORG/NAME[@REVISION], azureml:NAME, or the path of a folder.",
        )
        return source, self.query_one("#name", TextField).value.strip() or None

    def _allowed(self) -> Permissions:
        return Permissions(
            convert_pickle=self.query_one("#pickles", Choice).value == "yes",
            trust_remote_code=self.query_one("#code", Choice).value == "yes",
        )

    @property
    def _in_azure(self) -> bool:
        return self.query_one("#where", Choice).value == "azureml"

    def command(self) -> str:
        if self._in_azure:
            return self.query_one(ImportFields).command(*self._values())
        return models.import_command(*self._values(), self._allowed())

    def _show(self) -> None:
        """Show the lines that matter for the place."""
        there = self._in_azure
        self.query_one(ImportFields).display = there
        shown = {"where": len(targets()) > 1, "pickles": not there, "code": not there}
        for name, display in shown.items():
            field = self.query_one(f"#{name}").parent
            assert isinstance(field, Field)
            field.display = display
            if name == "where":
                field.note(workspace_words() if there else "")

    def changed(self) -> None:
        super().changed()
        self._show()
        self.workers.cancel_group(self, "plan")
        if self._in_azure and self.query_one("#source", TextField).value.strip():
            ask = self.query_one(ImportFields).ask(*self._values())
            self.look_ahead(lambda: ask().cost)
        source = self.query_one("#source", TextField).value.strip()
        hint = models.suggest_name(source) if source else "chosen from the source"
        self.query_one("#name", TextField).placeholder = hint
        if (source, self._allowed()) != self._looked_at:
            self._looked_at, self._imported = None, None
            self.query_one("#checks", Static).update("")

    async def submit(self) -> None:
        if self._in_azure:
            return await self._into_azure()
        if self._imported is not None:
            return self._open(self._imported)
        (source, name), allowed = self._values(), self._allowed()
        remote = source.startswith(("hf:", "azureml:"))
        if remote and self._looked_at != (source, allowed):
            return await self._look(source, allowed)

        def progress(now: ImportProgress) -> None:
            self.told(_progress_words(now))

        self.tell("asking …")
        model = await threaded_whole(
            models.import_model, self.ctx, source, name=name, progress=progress, permissions=allowed
        )
        if not remote:
            self.say(f"{model.ref} is here.")
            return self._open(model.ref)
        self._imported = model.ref
        await self._try(model.ref)

    async def _into_azure(self) -> None:
        """Say what it costs, ask, then let Azure ML import it: a run."""
        from screens.run import RunPage
        from screens.widgets.confirm import Confirm

        ready = await threaded(self.query_one(ImportFields).ask(*self._values()))
        if not await self.app.push_screen_wait(Confirm(ready.question, ready.cost)):
            self.tell("Nothing was begun.")
            return
        self.tell("handing the job over …")
        run = await threaded(azure_import.start, self.ctx, ready)
        self.say(f"{run.run} is {run.state}. It goes on when fmtui is closed.")
        self.replace(RunPage(run.run))

    async def _look(self, source: str, allowed: Permissions) -> None:
        """Show what would come. Raises FmtuiError where the import would be refused."""
        self.tell("looking …")
        found = await threaded(models.preflight, self.ctx, source, permissions=allowed)
        if (self.query_one("#source", TextField).value.strip(), self._allowed()) != (
            source,
            allowed,
        ):
            return
        self.query_one("#checks", Static).update(_lines(found))
        if not found.ok:
            raise BadInputError(
                f"{source} would be refused",
                hint="What stands at ✗ tells why; nothing was fetched.",
            )
        self._looked_at = source, allowed
        self.tell(f"ctrl+s fetches {size(found.to_fetch)}; esc leaves it.")

    async def _try(self, ref: str) -> None:
        """Let the model answer; ctrl+s then opens its page."""
        from fmtui.services.smoke import smoke

        self.tell(f"✓ {ref} is here.   trying it …   ctrl+s opens its page")
        self.working = False
        tried: Smoke = await threaded(smoke, self.ctx, ref)
        if self.left:
            return
        words = f"✓ {ref} is here.   ctrl+s opens its page\n{tried.line()}"
        self.tell(words, "" if tried.ok else "$text-warning")

    def _open(self, ref: str) -> None:
        from screens.model import ModelPage

        self.replace(ModelPage(ref))

    def fail(self, error: FmtuiError) -> None:
        super().fail(error)
        self.query_one("#source", TextField).focus()


def _lines(found: Preflight) -> Content:
    lines = []
    for check in found.checks:
        mark, style = _MARKS[check.mark]
        lines.append(
            Content.assemble(
                (f"{mark} ", style),
                (check.name.ljust(13), "$text-muted"),
                one_line(clean(check.text)),
            )
        )
    return Content("\n").join(lines)


def _progress_words(now: ImportProgress) -> str:
    words = f"{now.stage} {one_line(now.file)}"
    if not now.total:
        return words
    rate = f"  {size(int(now.rate))}/s" if now.rate else ""
    if now.seconds_left is not None and now.done < now.total:
        rate += f"  {duration(now.seconds_left)} left"
    return f"{bar(now.done, now.total)}  {size(now.done)} of {size(now.total)}{rate}   {words}"
