"""Measure a model on data that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from fmtui.services import evaluate
from fmtui.services.evaluate import EvaluateRequest
from screens.forms.base import Form, pairs, required
from screens.forms.choices import DROP, NO_DATA, data_options, faulty_rows, model_field
from screens.forms.run_options import RunFields
from screens.forms.where import WhereFields
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField, options_of
from screens.widgets.picker import Option


class EvaluateForm(Form):
    """`model` is what the form is filled in with."""

    TAB = "models"

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self.model = model

    def crumbs(self) -> Sequence[str]:
        return ("Evaluate", self.model or "a model")

    def fields(self) -> Iterable[Widget]:
        yield model_field(self.model)
        yield Field("task", Choice("Task", self._tasks, empty="what the model does", id="task"))
        yield Field(
            "test data",
            Choice("Test data", data_options, none=NO_DATA, free="file", id="data"),
        )
        yield Field("columns", TextField(hint="guessed; or text=message, label=intent", id="cols"))
        yield Field("settings", TextField(hint="as it was taught; or num_beams=4, …", id="set"))
        yield faulty_rows()
        yield WhereFields(
            lambda: self.query_one("#model", Choice).value, "evaluation", several=False
        )
        yield RunFields(finetune=False)

    def _tasks(self) -> list[Option]:
        return [Option("what the model does", ""), *options_of(evaluate.TASKS)]

    def first(self) -> str:
        return "#data" if self.model else "#model"

    def request(self) -> EvaluateRequest:
        """What the fields say. Raises FmtuiError while something is missing."""
        return EvaluateRequest(
            model=required(self.query_one("#model", Choice).value, "A model"),
            data=required(self.query_one("#data", Choice).value, "Test data"),
            task=self.query_one("#task", Choice).value or None,
            drop_invalid=self.query_one("#faulty", Choice).value == DROP,
            columns=pairs(self.query_one("#cols", TextField).value, "columns"),
            settings=pairs(self.query_one("#set", TextField).value, "settings"),
            where=self.query_one(WhereFields).where(),
            **self.query_one(RunFields).options(),
        )

    def command(self) -> str:
        return self.request().command()

    async def submit(self) -> None:
        request = self.request()
        self.tell("checking and starting …")
        run = await threaded(evaluate.start, self.ctx, request)
        self.say(f"{run.run} is {run.state}. It goes on when fmtui is closed.")
        from screens.run import RunPage

        self.replace(RunPage(run.run))
