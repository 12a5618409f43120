"""Share an endpoint's requests out among its deployments."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from fmtui.errors import BadInputError
from fmtui.services import azure_endpoints, endpoints
from registry.views import EndpointInfo
from screens.forms.base import Form, pairs, whole
from screens.threads import threaded
from screens.widgets.fields import Field, TextField


class TrafficForm(Form):
    TAB = "endpoints"

    def __init__(self, endpoint: EndpointInfo) -> None:
        super().__init__()
        self.endpoint = endpoint

    def crumbs(self) -> Sequence[str]:
        return ("Endpoints", self.endpoint.name, "traffic")

    def fields(self) -> Iterable[Field]:
        for at, one in enumerate(self.endpoint.deployments):
            yield Field(one.name, TextField(str(one.traffic), id=f"share{at}"), f"%   {one.model}")
        if self._in_azure:
            copied = [f"{d.name}={d.mirror}" for d in self.endpoint.deployments if d.mirror]
            field = TextField(", ".join(copied), hint="green=20", id="mirror")
            yield Field("mirror", field, "%, a copy that answers nobody")

    @property
    def _in_azure(self) -> bool:
        return self.endpoint.target == "azureml"

    def shares(self) -> dict[str, int]:
        """What the fields say. Raises FmtuiError unless they are numbers that make 100."""
        shares = {}
        for at, one in enumerate(self.endpoint.deployments):
            typed = self.query_one(f"#share{at}", TextField).value
            shares[one.name] = whole(typed, one.name) or 0
        if sum(shares.values()) != 100:
            raise BadInputError(f"the shares make {sum(shares.values())}, not 100")
        return shares

    def mirror(self) -> dict[str, int]:
        """What of the requests is copied to which deployment, in percent. Raises UsageError."""
        if not self._in_azure:
            return {}
        found = pairs(self.query_one("#mirror", TextField).value, "mirror")
        return {name: whole(words, f"mirror: {name}") or 0 for name, words in found.items()}

    def command(self) -> str:
        words = ["fmtui", "endpoint", "traffic", self.endpoint.name]
        words += [f"{name}={share}" for name, share in self.shares().items()]
        for name, share in self.mirror().items():
            words += ["--mirror", f"{name}={share}"]
        return shlex.join(words)

    async def submit(self) -> None:
        name, shares = self.endpoint.name, self.shares()
        if self._in_azure:
            mirror = self.mirror()
            await threaded(azure_endpoints.traffic, self.ctx, name, shares, mirror=mirror)
        else:
            await threaded(endpoints.traffic, self.ctx, name, shares)
        self.say(f"The traffic of {self.endpoint.name} is shared out.")
        self.action_back()
