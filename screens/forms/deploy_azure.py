"""The part of the deploy form that is for Azure ML: what kind of endpoint, on which machines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical

from fmtui.errors import UsageError
from fmtui.services import azure_deploy
from fmtui.services.azure_deploy import KINDS, DeployRequest
from fmtui.services.context import context
from screens.forms.azure_places import cluster_choice, instance_choice
from screens.forms.base import required, whole
from screens.threads import threaded
from screens.widgets.fields import Choice, Field, TextField, options_of
from screens.widgets.picker import Option

_AUTH = (
    Option("key", "", "two keys that do not expire"),
    Option("aml_token", "aml_token", "a token that expires, by Azure ML"),
    Option("aad_token", "aad_token", "a token of Entra, by roles"),
)
_DEFAULT = (
    Option("if it is the first", "", "else it stays what it is"),
    Option("yes", "100", "takes the jobs that name none"),
)
_NUMBERS = {"instance_count": "instances", "mini_batch_size": "mini batch",
            "concurrency": "at once"}  # fmt: skip


class AzureFields(Vertical):
    """Lines that do not belong to the kind of endpoint are not shown."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        self._kinds: Sequence[str] = [kind for kind in KINDS if kind != "serverless"]

    def compose(self) -> ComposeResult:
        yield Field(
            "kind",
            Choice("Kind", lambda: options_of(self._kinds), value="online", id="kind"),
            classes="new",
        )
        yield Field(
            "opened by",
            Choice("What opens the endpoint", lambda: _AUTH, empty="key", id="auth"),
            classes="new online",
        )
        yield Field("instance", instance_choice(lambda: self.model), classes="online")
        yield Field("cluster", cluster_choice(), classes="batch")
        yield Field("instances", TextField(hint="1", id="instance_count"), classes="online batch")
        yield Field(
            "mini batch",
            TextField(hint="10", id="mini_batch_size"),
            "files for a call of the model",
            classes="batch",
        )
        yield Field(
            "at once",
            TextField(hint="1", id="concurrency"),
            "calls, on each instance",
            classes="batch",
        )
        yield Field("default", Choice("Default", lambda: _DEFAULT, id="default"), classes="batch")

    async def offer(self, model: str) -> None:
        """Offer the kinds that the model can be deployed as."""
        self.model = model
        self._kinds = await threaded(azure_deploy.kinds_for, context(), model)

    @property
    def kind(self) -> str:
        """The kind of a new endpoint."""
        return self.query_one("#kind", Choice).value

    def show(self, kind: str, *, new: bool) -> None:
        """Show the lines of a kind; those of a new endpoint only where it is one."""
        for field in self.query(Field):
            kinds = field.classes & KINDS.keys()
            field.display = (not kinds or kind in kinds) and (new or not field.has_class("new"))
        kind_field = self.query_one("#kind").parent
        if isinstance(kind_field, Field):
            kind_field.note(KINDS[kind])

    def request(
        self, endpoint: str, model: str, kind: str, *, new: bool, name: str | None,
        traffic: int | None, script: Path | None, code: Path | None, environment: str | None,
    ) -> DeployRequest:  # fmt: skip
        """What the lines say that belong to the kind. Raises UsageError."""
        ask = partial(DeployRequest, endpoint, model, new, kind)
        if kind == "serverless":
            return ask()
        count = self._number("instance_count")
        if kind == "batch":
            share = self._chosen("default")
            cluster = required(
                self._chosen("compute") or "", "A cluster", "Enter asks for the workspace's own."
            )
            return ask(
                name=name, traffic=int(share) if share else None, instance_count=count,
                compute=cluster,
                mini_batch_size=self._number("mini_batch_size"),
                concurrency=self._number("concurrency"),
            )  # fmt: skip
        return ask(
            auth=self._chosen("auth") if new else None, name=name, traffic=traffic,
            instance_type=self._chosen("instance"), instance_count=count,
            script=script, code=code, environment=environment,
        )  # fmt: skip

    def _chosen(self, field: str) -> str | None:
        return self.query_one(f"#{field}", Choice).value or None

    def _number(self, field: str) -> int | None:
        number = whole(self.query_one(f"#{field}", TextField).value, _NUMBERS[field])
        if number == 0:
            raise UsageError(f"{_NUMBERS[field]}: at least 1 is needed")
        return number
