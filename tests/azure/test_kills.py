"""kill -9 of the TUI while Azure works: the next start finds what was begun and goes on."""

from __future__ import annotations

import os

import pytest

from fmtui.services import azure_endpoints, catalog, endpoints
from fmtui.services.context import Context
from tests.azure.runs import until
from tests.azure.standin.server import StandIn
from tests.e2e.terminal import Terminal

MODEL = "azureml:roberta-base@19"


@pytest.fixture
def bank(azure: StandIn, ctx: Context) -> StandIn:
    """An endpoint `bank` on which nothing is deployed."""
    catalog.sync_registry(ctx)
    azure_endpoints.create(ctx, "bank")
    return azure


def test_a_tui_that_is_killed_while_it_deploys(bank: StandIn, ctx: Context) -> None:
    bank.world.pace = 4.0
    with Terminal(os.environ, columns=100, rows=30) as terminal:
        terminal.until("catalog")
        terminal.press("5")
        terminal.until("bank")
        terminal.press("enter")
        terminal.until("Nothing is deployed here yet")
        terminal.press("escape", "+")
        terminal.until("is there already, in Azure ML")
        terminal.press("enter")
        terminal.until("type to narrow")
        terminal.press(MODEL, "enter")
        terminal.until(lambda text: f"--model {MODEL}" in text)
        terminal.press("ctrl+s")
        terminal.until(f"Deploy {MODEL} on bank?", seconds=60)
        terminal.press("y")
        until(lambda: "blue" in bank.world.online["bank"].deployments)
        terminal.kill()
    assert azure_endpoints.unfinished(ctx) == ["bank"], "what was begun is written down"
    (seen,) = endpoints.list_endpoints(ctx)
    assert seen.state == "updating"

    with Terminal(os.environ, columns=100, rows=30) as terminal:
        terminal.until("bank in Azure ML is healthy", seconds=90)
        terminal.press("5", "enter")
        page = terminal.until("billed until deleted")
        assert "1 × Standard_DS4_v2" in page and "100%" in page
    info = azure_endpoints.show(ctx, "bank", fresh=True)
    assert [(d.name, d.traffic, d.state) for d in info.deployments] == [("blue", 100, "healthy")]
    assert not azure_endpoints.unfinished(ctx)
    assert len(bank.world.requests("PUT", "/deployments/")) == 1, "no second deployment"
    assert len(bank.world.requests("PUT", "/onlineEndpoints/bank")) >= 2, "its traffic was shared"
