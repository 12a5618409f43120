"""Deploy a model: to a new endpoint, or to one that is there, on this machine or in Azure ML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual.widget import Widget

from fmtui.errors import ConflictError, FmtuiError, TermsError
from fmtui.paths import expanded
from fmtui.services import azure_deploy, azure_endpoints, endpoints
from fmtui.services.azure_deploy import DeployRequest
from screens.forms.azure_places import targets, workspace_words
from screens.forms.base import Form, required, whole
from screens.forms.choices import endpoint_options, model_field
from screens.forms.deploy_azure import AzureFields
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField


class DeployForm(Form):
    """`model`, `endpoint` and `where` are what the form is filled in with."""

    TAB = "endpoints"

    def __init__(self, *, model: str = "", endpoint: str = "", where: str = "local") -> None:
        super().__init__()
        self.model, self.endpoint, self.where = model, endpoint, where
        self._known: set[str] = set()
        self._offered_for = ""
        self._begun = ""

    def crumbs(self) -> Sequence[str]:
        return ("Deploy", self.model or "A model")

    def fields(self) -> Iterable[Widget]:
        yield model_field(self.model)
        yield Field("endpoint", TextField(self.endpoint, hint="its name", id="endpoint"))
        yield Field("where", Choice("Where", targets, value=self.where, id="where"))
        yield AzureFields()
        yield Field("deployment", TextField(hint="blue, then green", id="deployment"))
        yield Field("traffic", TextField(hint="100 for the first, else 0", id="traffic"), "percent")
        yield Field("script", TextField(hint="a score.py of your own", id="script"))
        yield Field("code", TextField(hint="nothing but the script; or a folder", id="code"))
        hint = "azureml:NAME:VERSION, or an image"
        yield Field("environment", TextField(hint=hint, id="environment"))
        yield Field("port", TextField(hint="a free one", id="port"), "of a new endpoint")

    def first(self) -> str:
        self._known = {option.value for option in endpoint_options()}
        return "#endpoint" if self.model else "#model"

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", TextField).value.strip()

    def _values(self) -> tuple[str, str, str | None, int | None, int | None]:
        model = required(self.query_one("#model", Choice).value, "A model")
        endpoint = required(
            self._text("endpoint"),
            "An endpoint",
            "Type a name: where there is none, a new one is made.",
        )
        return (
            model,
            endpoint,
            self._text("deployment") or None,
            whole(self._text("traffic"), "traffic"),
            whole(self._text("port"), "port"),
        )

    def _path(self, name: str) -> Path | None:
        words = self._text(name)
        return expanded(words) if words else None

    @property
    def _script(self) -> Path | None:
        return self._path("script")

    @property
    def _in_azure(self) -> bool:
        """Whether the endpoint lies in Azure, or is to be made there."""
        name = self._text("endpoint")
        if name in self._known:
            return azure_endpoints.owns(self.ctx, name)
        return self.query_one("#where", Choice).value == "azureml"

    @property
    def _kind(self) -> str:
        """The kind of the endpoint in Azure that is there, or is to be made."""
        name = self._text("endpoint")
        if name in self._known:
            return azure_endpoints.kind_of(self.ctx, name)
        return self.query_one(AzureFields).kind

    def _asked(self) -> DeployRequest:
        """What is asked of Azure ML. Raises FmtuiError while it can't be."""
        model, endpoint, deployment, traffic, _ = self._values()
        kind, new, script = self._kind, endpoint not in self._known, self._script
        if kind == "serverless" and not new:
            raise ConflictError(
                f"{endpoint} is a serverless endpoint: its one model is run by its publisher",
                hint="Type another name.",
            )
        return self.query_one(AzureFields).request(
            endpoint,
            model,
            kind,
            new=new,
            name=deployment,
            traffic=traffic,
            script=script,
            code=self._path("code") if script else None,
            environment=self._text("environment") or None if script else None,
        )

    def command(self) -> str:
        if self._in_azure:
            return self._asked().command()
        model, endpoint, deployment, traffic, port = self._values()
        deploy = endpoints.deploy_command(
            endpoint, model, name=deployment, traffic=traffic, script=self._script
        )
        if endpoint in self._known:
            return deploy
        return f"{endpoints.create_command(endpoint, port=port)} && {deploy}"

    def changed(self) -> None:
        super().changed()
        self._show()
        self.workers.cancel_group(self, "plan")
        model = self.query_one("#model", Choice).value
        self.top.set(("Deploy", model or "A model"))
        if not self._in_azure:
            return
        if model != self._offered_for:
            self._offered_for = model
            self.start(partial(self.query_one(AzureFields).offer, model), group="offer")
        try:
            self.look_ahead(partial(azure_deploy.plan, self.ctx, self._asked()))
        except FmtuiError:
            return  # something is missing, as the line of state says

    def _show(self) -> None:
        """Show the lines that matter for the place and the kind."""
        name, there = self._text("endpoint"), self._in_azure
        kind, new = self._kind if there else "", name not in self._known
        field = self.query_one("#endpoint").parent
        if isinstance(field, Field):
            place = "in Azure ML" if there else "on this machine"
            word = f", {kind}" if kind not in ("", "online") else ""
            made = f"a new one {place}" if name else ""
            field.note(made if new else f"is there already, {place}{word}")
        where = self.query_one("#where").parent
        if isinstance(where, Field):
            where.note(workspace_words() if there else "")
        shown = {
            "where": new and len(targets()) > 1,
            "deployment": kind != "serverless",
            "traffic": kind in ("", "online"),
            "script": kind in ("", "online"),
            "code": kind == "online" and self._script is not None,
            "environment": kind == "online" and self._script is not None,
            "port": new and not there,
        }
        for part, display in shown.items():
            parent = self.query_one(f"#{part}").parent
            assert parent is not None
            parent.display = display
        azure_fields = self.query_one(AzureFields)
        azure_fields.display = there
        if there:
            azure_fields.show(kind, new=new)

    async def submit(self) -> None:
        if self._in_azure:
            await self._to_azure(self._asked())
            return
        model, endpoint, deployment, traffic, port = self._values()

        def progress(words: str) -> None:
            self.told(f"{words} …")

        if endpoint not in self._known:
            await threaded(endpoints.create, self.ctx, endpoint, port=port, progress=progress)
            self._known.add(endpoint)
        await threaded(
            endpoints.deploy,
            self.ctx,
            endpoint,
            model,
            name=deployment,
            traffic=traffic,
            script=self._script,
            progress=progress,
        )
        self._done(f"{model} answers on {endpoint}.", endpoint)

    async def _to_azure(self, asked: DeployRequest) -> None:
        """Say what it costs, ask, then make what is new and deploy.

        Leaving the form stops nothing that is begun in Azure: it is seen through to its end.
        """
        cost = await threaded(azure_deploy.plan, self.ctx, asked)
        if not await self._agreed(asked.question, cost):
            return
        try:
            await self._start(asked)
        except TermsError as wanted:
            self._begun = ""
            if not await self._agreed(wanted.question, wanted.terms):
                return
            await self._start(replace(asked, accept_terms=True))
        self._begun = ""
        words = "takes jobs on" if asked.kind == "batch" else "answers on"
        self._done(f"{asked.model} {words} {asked.endpoint}.", asked.endpoint)

    async def _agreed(self, question: str, more: str) -> bool:
        from screens.widgets.confirm import Confirm

        if await self.app.push_screen_wait(Confirm(question, more)):
            return True
        self.tell("Nothing was made.")
        return False

    async def _start(self, asked: DeployRequest) -> None:
        def progress(words: str) -> None:
            self.post_message(self.Told(f"{words} …"))

        self._begun = asked.endpoint
        await threaded(azure_deploy.start, self.ctx, asked, progress=progress)

    def fail(self, error: FmtuiError) -> None:
        """An endpoint that was made before something failed is one that is there."""
        self._known = {option.value for option in endpoint_options()}
        self._begun = ""
        self._show()
        self.show_command()
        super().fail(error)

    def leaving(self) -> str:
        return "esc leaves it, and Azure goes on" if self._begun else super().leaving()

    def on_unmount(self) -> None:
        super().on_unmount()
        if self._begun:
            self.say(f"Azure goes on with {self._begun}: see the list of endpoints.")

    def _done(self, words: str, endpoint: str) -> None:
        self.say(words)
        from screens.endpoint import EndpointPage

        self.replace(EndpointPage(endpoint))
