"""The endpoints, each in the state that its processes prove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from fmtui.services import azure_endpoints, endpoints
from fmtui.services.text import ago, one_line
from registry.views import DeploymentInfo, EndpointInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import LETTERS, TIMES, Listing, Order
from screens.threads import threaded
from screens.widgets.record_list import Cell, Column
from screens.widgets.states import state_content, state_words, tone


def _state(endpoint: EndpointInfo) -> Cell:
    return state_words(endpoint.state), tone(endpoint.state)


def _serves(endpoint: EndpointInfo) -> str:
    parts = [f"{d.name} {d.model} {d.traffic}%" for d in endpoint.deployments]
    return ", ".join(parts) or "nothing deployed"


def _where(endpoint: EndpointInfo) -> str:
    """The address of one here, which is short; of others whose they are, and their kind."""
    if endpoint.target == "local":
        return endpoint.url or "–"
    return endpoint.target if endpoint.kind == "online" else f"{endpoint.target} {endpoint.kind}"


def _deployed(one: DeploymentInfo) -> str:
    machines = f"  {one.instance_count} × {one.instance_type}" if one.instance_count else ""
    return f"{one.model}  {one.traffic}%  {one.state}{machines}"


class EndpointsScreen(Listing[EndpointInfo]):
    TAB = "endpoints"
    HINT = "search the endpoints"
    BINDINGS = bindings("endpoints")
    COLUMNS = (
        Column("endpoint", lambda e: e.name, width=16, order="endpoint"),
        Column("state", _state, width=12, order="state"),
        Column("serves", _serves, order="serves"),
        Column("where", _where, width=22, drop=64, order="where"),
    )
    ORDERS = {
        "endpoint": Order[EndpointInfo](LETTERS, lambda e: e.name.lower()),
        "state": Order(LETTERS, lambda e: e.state),
        "serves": Order(LETTERS, _serves),
        "where": Order(LETTERS, _where),
        "made": Order(TIMES, lambda e: e.created, down=True),
    }
    EMPTY = (
        "No endpoints yet. Press n to make one and deploy a model to it,\n"
        "or d on a model. It answers on this machine, on the loopback address."
    )

    def fetch(self) -> Sequence[EndpointInfo]:
        return endpoints.list_endpoints(self.ctx)

    def key(self, record: EndpointInfo) -> str:
        return record.name

    def words(self, record: EndpointInfo) -> str:
        return f"{record.name} {record.state} {_serves(record)}"

    def detail(self, record: EndpointInfo) -> Content:
        heading = Content.styled(one_line(record.name), "bold")
        table = facts(
            ("state", state_content(record.state)),
            ("url", record.url),
            ("target", record.target),
            ("created", ago(record.created)),
            ("kind", record.kind if record.kind != "online" else None),
            *((d.name, _deployed(d)) for d in record.deployments),
            ("error", record.error),
        )
        return Content("\n\n").join([heading, table])

    def open(self, record: EndpointInfo) -> None:
        from screens.endpoint import EndpointPage

        self.app.push_screen(EndpointPage(record.name))

    def action_new(self) -> None:
        from screens.forms.deploy import DeployForm

        self.app.push_screen(DeployForm())

    def action_azure(self) -> None:
        from screens.azure import AzurePage

        self.app.push_screen(AzurePage())

    def action_delete(self) -> None:
        if self.record is not None:
            delete_endpoint(self, self.record.name, self.reload)


def delete_endpoint(screen: Any, name: str, then: Any) -> None:
    """Ask, then end its processes and forget it."""

    async def job() -> None:
        await threaded(endpoints.delete, screen.ctx, name)
        screen.say(f"The endpoint {name} is deleted.")
        then()

    words = "It stops answering; its models stay."
    if azure_endpoints.owns(screen.ctx, name):
        words = "It stops answering, in Azure ML, and bills nothing from then on; its models stay."
        if azure_endpoints.kind_of(screen.ctx, name) == "serverless":
            words = "It stops answering. A marketplace subscription to its model stays, and costs "
            words += "nothing while nobody asks: fmtui azure subscriptions."
    screen.confirm(f"Delete the endpoint {name}?", words, job, group="delete")
