"""Deploy a model: to a new endpoint, or to one that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fmtui.errors import UsageError
from fmtui.services import azure, azure_endpoints, endpoints
from fmtui.services.context import context
from screens.forms.base import Form, required
from screens.forms.choices import NO_MODELS, endpoint_options, model_options
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField, options_of
from screens.widgets.picker import Option


def _targets() -> list[Option]:
    """Where a new endpoint can be made: in Azure only where a workspace is named."""
    names = ["local", "azureml"] if azure.configured(context()) else ["local"]
    return options_of(names)


class DeployForm(Form):
    """`model` and `endpoint` are what the form is filled in with."""

    TAB = "endpoints"

    def __init__(self, *, model: str = "", endpoint: str = "") -> None:
        super().__init__()
        self.model, self.endpoint = model, endpoint
        self._known: set[str] = set()

    def crumbs(self) -> Sequence[str]:
        return ("Deploy", self.model or "A model")

    def fields(self) -> Iterable[Field]:
        yield Field(
            "model",
            Choice(
                "Model",
                model_options,
                value=self.model,
                none=NO_MODELS,
                free="reference" if azure.configured(self.ctx) else "",
                id="model",
            ),
        )
        yield Field("endpoint", TextField(self.endpoint, hint="its name", id="endpoint"))
        yield Field("deployment", TextField(hint="blue, then green", id="deployment"))
        yield Field("traffic", TextField(hint="100 for the first, else 0", id="traffic"), "percent")
        yield Field("port", TextField(hint="a free one", id="port"), "of a new endpoint")
        yield Field("where", Choice("Where", _targets, value="local", id="where"))
        yield Field("instance", TextField(hint="the recommended one", id="instance"), "its type")

    def first(self) -> str:
        self._known = {option.value for option in endpoint_options()}
        return "#endpoint" if self.model else "#model"

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", TextField).value.strip()

    def _number(self, name: str) -> int | None:
        words = self._text(name)
        if words and not words.isdigit():
            raise UsageError(f"{name}: `{words}` is no whole number")
        return int(words) if words else None

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
            self._number("traffic"),
            self._number("port"),
        )

    @property
    def _in_azure(self) -> bool:
        """Whether the endpoint lies in Azure, or is to be made there."""
        name = self._text("endpoint")
        if name in self._known:
            return azure_endpoints.owns(self.ctx, name)
        return self.query_one("#where", Choice).value == "azureml"

    def command(self) -> str:
        model, endpoint, deployment, traffic, port = self._values()
        if self._in_azure:
            line = azure_endpoints.deploy_command(
                endpoint, model, name=deployment, traffic=traffic,
                instance_type=self._text("instance") or None,
            )  # fmt: skip
            create = f"fmtui endpoint create {endpoint} --target azureml && "
            return line if endpoint in self._known else create + line
        deploy = endpoints.deploy_command(endpoint, model, name=deployment, traffic=traffic)
        if endpoint in self._known:
            return deploy
        return f"{endpoints.create_command(endpoint, port=port)} && {deploy}"

    def changed(self) -> None:
        super().changed()
        field = self.query_one("#endpoint").parent
        name, there = self._text("endpoint"), self._in_azure
        if isinstance(field, Field):
            place = "in Azure ML" if there else "on this machine"
            new = f"a new one {place}" if name and name not in self._known else ""
            field.note(f"is there already, {place}" if name in self._known else new)
        shown = {"port": not there, "instance": there, "where": len(_targets()) > 1}
        for name, display in shown.items():
            parent = self.query_one(f"#{name}").parent
            assert parent is not None
            parent.display = display

    async def submit(self) -> None:
        model, endpoint, deployment, traffic, port = self._values()

        def progress(words: str) -> None:
            self.told(f"{words} …")

        made = endpoint not in self._known
        if self._in_azure:
            await self._to_azure(endpoint, model, deployment, traffic, progress)
            return
        if made:
            await threaded(endpoints.create, self.ctx, endpoint, port=port, progress=progress)
            self._known.add(endpoint)
        await threaded(
            endpoints.deploy,
            self.ctx,
            endpoint,
            model,
            name=deployment,
            traffic=traffic,
            progress=progress,
        )
        self._done(model, endpoint)

    async def _to_azure(
        self,
        endpoint: str,
        model: str,
        deployment: str | None,
        traffic: int | None,
        progress: Callable[[str], None],
    ) -> None:
        """Make it, say what it costs, ask, then deploy."""
        from screens.widgets.confirm import Confirm

        if endpoint not in self._known:
            await threaded(azure_endpoints.create, self.ctx, endpoint, progress=progress)
            self._known.add(endpoint)
        wanted = self._text("instance") or None
        cost, place = await threaded(azure_endpoints.plan_deploy, self.ctx, endpoint, model, wanted)
        if not await self.app.push_screen_wait(Confirm(f"Deploy {model} on {endpoint}?", cost)):
            self.tell(f"Nothing is deployed; {endpoint} itself costs nothing.")
            return
        await threaded(
            azure_endpoints.deploy,
            self.ctx,
            endpoint,
            model,
            name=deployment,
            traffic=traffic,
            instance_type=place.size.name,
            progress=progress,
        )
        self._done(model, endpoint)

    def _done(self, model: str, endpoint: str) -> None:
        self.say(f"{model} answers on {endpoint}.")
        from screens.endpoint import EndpointPage

        self.replace(EndpointPage(endpoint))
