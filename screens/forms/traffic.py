"""Share an endpoint's requests out among its deployments."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from fmtui.errors import BadInputError
from fmtui.services import endpoints
from registry.views import EndpointInfo
from screens.forms.base import Form
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

    def shares(self) -> dict[str, int]:
        """What the fields say. Raises BadInputError unless they are numbers that make 100."""
        shares = {}
        for at, one in enumerate(self.endpoint.deployments):
            words = self.query_one(f"#share{at}", TextField).value.strip() or "0"
            if not words.isdigit():
                raise BadInputError(f"{one.name}: `{words}` is no whole number")
            shares[one.name] = int(words)
        if sum(shares.values()) != 100:
            raise BadInputError(f"the shares make {sum(shares.values())}, not 100")
        return shares

    def command(self) -> str:
        words = ["fmtui", "endpoint", "traffic", self.endpoint.name]
        return shlex.join(words + [f"{name}={share}" for name, share in self.shares().items()])

    async def submit(self) -> None:
        await threaded(endpoints.traffic, self.ctx, self.endpoint.name, self.shares())
        self.say(f"The traffic of {self.endpoint.name} is shared out.")
        self.action_back()
