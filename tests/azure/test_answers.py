"""Errors that come in other forms than Azure's own, and answers that are none."""

from __future__ import annotations

import pytest

from fmtui.azure.connection import connect
from fmtui.errors import RemoteError
from fmtui.services import azure_endpoints
from fmtui.services.context import Context
from tests.azure.standin.faults import Fault
from tests.azure.standin.http import Answer, Request
from tests.azure.standin.server import StandIn
from tests.command import fmtui

_DETAILS = {
    "error": {
        "code": "UserError", "message": "The request is bad.",
        "details": [{"code": "Inner", "message": "The sku is missing."}],
        "innererror": None,
    }
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(400, _DETAILS), "The request is bad: The sku is missing"),
        (Answer(400, {"Message": "an older form"}), "an older form"),
        (Answer(403, {"Message": "not for you"}), "Azure does not allow it: not for you"),
        (Answer(400, text="plain words"), "plain words"),
        (Answer(403, text="<html>a proxy</html>"), "Azure does not allow it: Operation returned"),
        (Answer(403), "Azure does not allow it"),
    ],
)
def test_what_is_amiss_is_said_whatever_its_form(
    azure: StandIn, ctx: Context, answer: Answer, said: str
) -> None:
    # Some of these forms are in no contract: they are asked for where there is none.
    azure.world.faults.plan(Fault("GET", "^/registrymanagement/", None, answer=answer))
    with pytest.raises(RemoteError, match=said) as caught:
        connect(ctx.home, {}).registry("azureml")
    assert "<html>" not in str(caught.value)


_UNKNOWN = {"error": "x", "error_description": "AADSTS65001: Nobody consented. Trace ID: 1"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, text="<html>"), "no answer of Microsoft's sign-in"),
        (Answer(200), "no answer of Microsoft's sign-in"),
        (Answer(502, text="x"), "Microsoft's sign-in has a fault of its own (502)"),
        (Answer(400, _UNKNOWN), "can't sign in: AADSTS65001: Nobody consented"),
    ],
)
def test_a_sign_in_that_fails_is_told_without_a_trace(
    azure: StandIn, ctx: Context, answer: Answer, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    azure.world.faults.plan(Fault("POST", "/oauth2/v2.0/token$", None, answer=answer))
    done = fmtui("azure", "status")
    assert done.code == 5 and said in done.out, done.out
    assert "Traceback" not in done.err + capfd.readouterr().err


def test_a_deployment_that_tells_the_least_is_shown_and_deleted(
    azure: StandIn, ctx: Context
) -> None:
    def least(_: Request, answer: Answer) -> Answer:
        for found in (answer.json or {}).get("value") or [answer.json]:
            kept = {"endpointComputeType", "provisioningState"}
            found["properties"] = {k: v for k, v in found["properties"].items() if k in kept}
            found.pop("sku", None)
        return answer

    azure_endpoints.create(ctx, "bank")
    azure_endpoints.deploy(ctx, "bank", "azureml:roberta-base@19", instance_type="Standard_DS3_v2")
    azure.world.faults.plan(Fault("GET", "/bank/deployments", None, after=least))
    (found,) = azure_endpoints.show(ctx, "bank", fresh=True).deployments
    assert (found.name, found.state, found.traffic) == ("blue", "healthy", 100)
    azure_endpoints.delete(ctx, "bank")
    assert not azure.world.online


def test_a_name_that_azure_does_not_take_is_told_without_advice_for_files(
    azure: StandIn, ctx: Context
) -> None:
    with pytest.raises(RemoteError, match="at least 3 and at most 32 characters") as caught:
        azure_endpoints.create(ctx, "e1")
    assert "Resolutions" not in str(caught.value) and "(x)" not in str(caught.value)
    assert not azure_endpoints.names(ctx)
