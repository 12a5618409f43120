"""Errors that come in other forms than Azure's own, and answers that are none."""

from __future__ import annotations

import pytest

from fmtui.azure.connection import connect
from fmtui.errors import RemoteError
from fmtui.services import azure_endpoints
from fmtui.services.context import Context
from tests.azure.standin.faults import Fault
from tests.azure.standin.http import Answer
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


@pytest.mark.parametrize("answer", [Answer(200, text="<html>"), Answer(200), Answer(502, text="x")])
def test_a_sign_in_that_answers_nothing_is_told_without_a_trace(
    azure: StandIn, ctx: Context, answer: Answer, capfd: pytest.CaptureFixture[str]
) -> None:
    azure.world.faults.plan(Fault("POST", "/oauth2/v2.0/token$", None, answer=answer))
    done = fmtui("azure", "status")
    assert done.code == 5 and "no answer of Microsoft's sign-in" in done.out
    assert "Traceback" not in done.err + capfd.readouterr().err


def test_a_name_that_azure_does_not_take_is_told_without_advice_for_files(
    azure: StandIn, ctx: Context
) -> None:
    with pytest.raises(RemoteError, match="at least 3 and at most 32 characters") as caught:
        azure_endpoints.create(ctx, "e1")
    assert "Resolutions" not in str(caught.value) and "(x)" not in str(caught.value)
    assert not azure_endpoints.names(ctx)
