"""The part of the import form that is for Azure ML: its workspace imports a model of the hub."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical

from fmtui.services import azure_import
from fmtui.services.azure_import import Prepared
from fmtui.services.context import context
from screens.forms.azure_places import place_choice
from screens.forms.choices import on_azure
from screens.widgets.asked import AskedChoice
from screens.widgets.fields import Choice, Field, options_of


class ImportFields(Vertical):
    """What the model does, where its card does not say it, and where the import runs."""

    def compose(self) -> ComposeResult:
        yield Field(
            "task",
            AskedChoice(
                "Task",
                lambda: options_of(azure_import.tasks(context())),
                free="task",
                empty="as its card says",
                id="task",
            ),
        )
        yield Field(
            "runs on", place_choice(lambda: "", "import", usual="what the component recommends")
        )

    def command(self, source: str, name: str | None) -> str:
        """The line that imports `source`."""
        task, place = self._chosen()
        return azure_import.command(source, name=name, task=task, where=on_azure(place))

    def ask(self, source: str, name: str | None) -> Callable[[], Prepared]:
        """What looks at everything, for a thread. It raises FmtuiError."""
        task, place = self._chosen()
        return partial(
            azure_import.prepare, context(), source, name=name, task=task, where=on_azure(place)
        )

    def _chosen(self) -> tuple[str | None, str]:
        return self.query_one("#task", Choice).value or None, self.query_one(
            "#instance", Choice
        ).value
