"""Deploy a model: to a new endpoint, or to one that is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fmtui.errors import UsageError
from fmtui.services import endpoints
from screens.forms.base import Form, required
from screens.forms.choices import NO_MODELS, endpoint_options, model_options
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField


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
            "model", Choice("Model", model_options, value=self.model, none=NO_MODELS, id="model")
        )
        yield Field("endpoint", TextField(self.endpoint, hint="its name", id="endpoint"))
        yield Field("deployment", TextField(hint="blue, then green", id="deployment"))
        yield Field("traffic", TextField(hint="100 for the first, else 0", id="traffic"), "percent")
        yield Field("port", TextField(hint="a free one", id="port"), "of a new endpoint")

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

    def command(self) -> str:
        model, endpoint, deployment, traffic, port = self._values()
        deploy = endpoints.deploy_command(endpoint, model, name=deployment, traffic=traffic)
        if endpoint in self._known:
            return deploy
        return f"{endpoints.create_command(endpoint, port=port)} && {deploy}"

    def changed(self) -> None:
        super().changed()
        field = self.query_one("#endpoint").parent
        name = self._text("endpoint")
        if isinstance(field, Field):
            new = "a new one on this machine" if name and name not in self._known else ""
            field.note("is there already" if name in self._known else new)

    async def submit(self) -> None:
        model, endpoint, deployment, traffic, port = self._values()

        def progress(words: str) -> None:
            self.told(f"{words} …")

        made = endpoint not in self._known
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
        self.say(f"{model} answers on {endpoint}.")
        from screens.endpoint import EndpointPage

        self.replace(EndpointPage(endpoint))
