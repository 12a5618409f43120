"""Let a batch endpoint in Azure ML answer a file: the job is a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from textual.widget import Widget

from fmtui.errors import FmtuiError
from fmtui.services import azure_batch
from registry.views import EndpointInfo
from screens.forms.base import Form, pairs, required
from screens.forms.choices import NO_DATA, data_options
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField
from screens.widgets.picker import Option


class BatchForm(Form):
    TAB = "endpoints"

    def __init__(self, endpoint: EndpointInfo) -> None:
        super().__init__()
        self.endpoint = endpoint

    def crumbs(self) -> Sequence[str]:
        return ("Endpoints", self.endpoint.name, "a job")

    def fields(self) -> Iterable[Widget]:
        yield Field(
            "data",
            Choice("Data", data_options, none=NO_DATA, free="file or azureml:NAME:V", id="data"),
        )
        yield Field("columns", TextField(hint="all; or input_string=message", id="cols"))
        yield Field("deployment", Choice("Deployment", self._deployments, id="deployment"))
        yield Field("experiment", TextField(hint="fmtui", id="experiment"))

    def _deployments(self) -> list[Option]:
        found = self.endpoint.deployments
        default = next((d.name for d in found if d.traffic), None)
        first = [Option(f"the default one: {default}", "")] if default else []
        return first + [Option(d.name, d.name, d.model) for d in found]

    def first(self) -> str:
        return "#data"

    def _asked(self) -> tuple[str, str, dict[str, str]]:
        """What answers, what it answers, and the columns. Raises FmtuiError."""
        deployment = self.query_one("#deployment", Choice).value
        name = f"{self.endpoint.name}/{deployment}" if deployment else self.endpoint.name
        data = required(self.query_one("#data", Choice).value, "Data")
        return name, data, pairs(self.query_one("#cols", TextField).value, "columns")

    @property
    def _experiment(self) -> str | None:
        return self.query_one("#experiment", TextField).value.strip() or None

    def command(self) -> str:
        name, data, columns = self._asked()
        return azure_batch.command(name, data, columns=columns, experiment=self._experiment)

    def changed(self) -> None:
        super().changed()
        self.workers.cancel_group(self, "plan")
        try:
            self.look_ahead(partial(azure_batch.look, self.ctx, *self._asked()))
        except FmtuiError:
            return  # something is missing, as the line of state says

    async def submit(self) -> None:
        from screens.run import RunPage
        from screens.widgets.confirm import Confirm

        name, data, columns = self._asked()
        cost = await threaded(azure_batch.look, self.ctx, name, data, columns)
        job = await threaded(azure_batch.plan, self.ctx, name)
        question = f"Let {job.endpoint}/{job.deployment.name} answer {data}?"
        if not await self.app.push_screen_wait(Confirm(question, cost)):
            self.tell("No job was begun.")
            return
        self.tell("handing the job over …")
        info = await threaded(
            azure_batch.start, self.ctx, name, data, columns=columns, experiment=self._experiment
        )
        self.say(f"{info.run} is {info.state}. It goes on when fmtui is closed.")
        self.replace(RunPage(info.run))
