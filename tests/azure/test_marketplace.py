"""Models that their publishers sell: subscribed to after a yes of its own, once, and left."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from fmtui.azure import marketplace
from fmtui.errors import ConflictError, RemoteError, TermsError
from fmtui.services import _azure_endpoints as notes
from fmtui.services import azure_deploy, azure_endpoints, azure_marketplace
from fmtui.services.azure_deploy import DeployRequest
from fmtui.services.context import Context
from screens.forms.deploy import DeployForm
from tests.azure.runs import until
from tests.azure.standin import marketplace as market
from tests.azure.standin.faults import Fault, broken, forbidden
from tests.azure.standin.http import Answer, Request
from tests.azure.standin.models import FREE, SOLD
from tests.azure.standin.server import StandIn
from tests.azure.standin.world import Offer
from tests.command import fmtui
from tests.screens.tools import choose, fill_in, opened, shows

CREATE = ["endpoint", "create", "talk", "--target", "azureml", "--kind", "serverless"]
CREATE += ["--model", SOLD, "--yes"]
OFFER = "publisher 000-000, offer mistral-ai-large-offer, plan mistral-large-plan"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marketplace, "_POLL_SECONDS", 0.05)


def _bought(azure: StandIn) -> list[str]:
    """The subscriptions that were asked for so far."""
    found = azure.world.requests("PUT", "/marketplaceSubscriptions/")
    return [request.path.rpartition("/")[2] for request in found]


def _create(ctx: Context, *, accept: bool = True) -> object:
    return azure_endpoints.create(ctx, "talk", kind="serverless", model=SOLD, accept_terms=accept)


def test_the_life_of_a_subscription_by_command(azure: StandIn, ctx: Context) -> None:
    azure.world.fulfilment = 0.3  # the publisher takes its time
    refused = fmtui(*CREATE)
    assert refused.code == 2 and not _bought(azure), "--yes accepts nobody's terms"
    for words in ("sold through the Azure Marketplace", "Mistral AI", "licence custom",
                  "each token is billed", "Say --accept-terms"):  # fmt: skip
        assert words in " ".join(refused.err.split())
    assert not azure_endpoints.names(ctx) and not azure.world.serverless, "nothing is left"
    assert fmtui("azure", "subscriptions", "--json").json == []

    done = fmtui(*CREATE, "--accept-terms")
    assert done.code == 0, done.err
    assert f"The workspace is subscribed: {OFFER} (Mistral-large)" in done.err
    assert _bought(azure) == ["Mistral-large"]
    assert azure_endpoints.show(ctx, "talk").state == "healthy"
    assert azure_endpoints.show(ctx, "talk").deployments[0].model == SOLD
    (listed,) = fmtui("azure", "subscriptions", "--json").json
    assert (listed["name"], listed["status"], listed["model"]) == ("Mistral-large", "active", SOLD)
    shown = fmtui("azure", "subscriptions").out
    assert "mistral-ai-large-offer" in shown and "mistral-large-plan" in shown

    again = fmtui(*[word.replace("talk", "more") for word in CREATE])
    assert again.code == 0 and _bought(azure) == ["Mistral-large"], "once for a workspace"
    assert fmtui("endpoint", "delete", "more", "--yes").code == 0

    asked = fmtui("azure", "unsubscribe", "mistral-large")
    assert asked.code == 2 and "talk stops answering" in asked.err
    gone = fmtui("endpoint", "delete", "talk", "--yes")
    assert gone.code == 0 and f"stays subscribed to {OFFER}" in gone.err
    assert "fmtui azure unsubscribe Mistral-large ends that" in gone.err
    assert azure.world.subscriptions, "it is left"
    missing = fmtui("azure", "unsubscribe", "Mistral-larg", "--yes")
    assert missing.code == 3 and "Nearest: Mistral-large" in missing.err
    assert fmtui("azure", "unsubscribe", "Mistral-large", "--yes").code == 0
    assert not azure.world.subscriptions
    assert "subscribed to no offer" in fmtui("azure", "subscriptions").err


class _Person(io.StringIO):
    """Somebody at a terminal, who types these answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answers", "code", "bought"), [("y\nn\n", 130, 0), ("y\ny\n", 0, 1)])
def test_somebody_at_a_terminal_is_asked_twice(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch,
    answers: str, code: int, bought: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", _Person(answers))
    done = fmtui(*CREATE[:-1])
    assert done.code == code and len(_bought(azure)) == bought
    asked = " ".join((done.out + done.err).split())
    assert "paid for by token" in asked and "Accept the terms of Mistral AI" in asked
    assert bool(azure.world.serverless) is bool(bought)


def test_a_model_that_nobody_sells_is_not_subscribed_to(azure: StandIn, ctx: Context) -> None:
    words = [FREE if word == SOLD else word for word in CREATE]
    assert fmtui(*words).code == 0, "no question of terms where Azure asks for none"
    assert fmtui("endpoint", "delete", "talk", "--yes").code == 0
    done = fmtui(*words, "--accept-terms")
    assert done.code == 0, "what is not needed is no fault"
    assert not azure.world.subscriptions and list(azure.world.serverless) == ["talk"]
    wrong = fmtui("endpoint", "create", "bank", "--target", "azureml", "--accept-terms")
    assert wrong.code == 2 and "--accept-terms is for --kind serverless" in wrong.err


def test_azure_decides_which_model_is_sold(azure: StandIn, ctx: Context) -> None:
    """Also one of Microsoft's own registry, of which nothing says so before it is refused."""
    model = "azureml:Llama-serverless"
    address = "azureml://registries/azureml/models/Llama-serverless"
    azure.world.offers[address.lower()] = Offer("metagenai", "llama-offer", "llama-plan")
    words = [model if word == SOLD else word for word in CREATE]
    refused = fmtui(*words)
    assert refused.code == 2 and "somebody" in refused.err and not _bought(azure)
    assert fmtui(*words, "--accept-terms").code == 0
    assert _bought(azure) == ["Llama-serverless"]


def test_the_plan_says_in_advance_that_terms_may_be_asked_for(azure: StandIn, ctx: Context) -> None:
    request = DeployRequest("talk", SOLD, kind="serverless")
    assert "marketplace offer is subscribed" in azure_deploy.plan(ctx, request)
    assert "--accept-terms" not in request.command()
    with pytest.raises(TermsError) as wanted:
        azure_deploy.start(ctx, request)
    assert "Accept the terms of Mistral AI and subscribe ws-models" in wanted.value.question
    market.subscribe(azure.world, "ours", SOLD)
    assert azure_deploy.plan(ctx, request) == azure_endpoints.BY_TOKEN
    azure_deploy.start(ctx, request)
    assert not _bought(azure), "somebody else's subscription serves"


@pytest.mark.parametrize(
    ("status", "words"),
    [("Suspended", "is suspended: Azure could not bill it"), ("Unsubscribed", "has ended")],
)
def test_a_subscription_that_serves_nothing_becomes_a_sentence(
    azure: StandIn, ctx: Context, status: str, words: str
) -> None:
    del azure.world.offers[SOLD.lower()]  # its plan is not told any more, as the contract allows
    market.subscribe(azure.world, "old", SOLD, status)
    with pytest.raises(ConflictError, match=f"subscription old .*{words}"):
        azure_deploy.plan(ctx, DeployRequest("talk", SOLD, kind="serverless"))
    done = fmtui(*CREATE, "--accept-terms")
    assert done.code == 4 and words in " ".join(done.err.split())
    assert not _bought(azure) and not azure.world.requests("PUT", "/serverlessEndpoints/")


def test_one_that_failed_is_made_again_under_its_name(azure: StandIn, ctx: Context) -> None:
    market.subscribe(azure.world, "ours", SOLD, "Unsubscribed", state="Failed")
    with pytest.raises(TermsError, match="offer mistral-ai-large-offer, plan mistral-large-plan"):
        _create(ctx, accept=False)
    _create(ctx)
    assert _bought(azure) == ["ours"]


def test_an_endpoint_that_fails_for_want_of_one_is_taken_away(azure: StandIn, ctx: Context) -> None:
    azure.world.refuses_late = True
    with pytest.raises(TermsError):
        _create(ctx, accept=False)
    assert not azure.world.serverless and not azure_endpoints.names(ctx) and not _bought(azure)
    _create(ctx)
    assert azure_endpoints.show(ctx, "talk").state == "healthy"


def test_a_name_that_another_model_has_is_left_to_it(azure: StandIn, ctx: Context) -> None:
    market.subscribe(azure.world, "mistral-large", FREE)
    for number in range(3):  # more than a page
        market.subscribe(azure.world, f"other-{number}", f"{FREE}-{number}")
    _create(ctx)
    assert _bought(azure) == ["azureml-mistral-Mistral-large"]


def test_what_the_marketplace_refuses_becomes_a_sentence(azure: StandIn, ctx: Context) -> None:
    azure.world.no_purchase = "there is no valid payment method"
    with pytest.raises(RemoteError, match="no valid payment method") as refused:
        _create(ctx)
    assert "means of payment" in str(refused.value.hint)
    assert not azure_endpoints.names(ctx), "nothing is noted of what was not made"
    azure.world.no_purchase = None
    azure.world.faults.plan(
        Fault(
            "PUT", "/marketplaceSubscriptions/", answer=forbidden("marketplaceSubscriptions/write")
        )
    )
    with pytest.raises(RemoteError, match="marketplaceSubscriptions/write is missing") as refused:
        _create(ctx)
    assert "Azure AI Developer" in str(refused.value.hint)


def test_one_that_another_process_makes_is_waited_for(azure: StandIn, ctx: Context) -> None:
    """Between the look and the request somebody else begins it: 409, then it is there."""

    def begun(request: Request, answer: Answer) -> Answer:
        azure.world.fulfilment = 0.2
        return Answer(409, {"error": {"code": "Conflict", "message": "Another operation runs."}})

    azure.world.faults.plan(Fault("PUT", "/marketplaceSubscriptions/", after=begun))
    _create(ctx)
    assert len(_bought(azure)) == 1 and len(azure.world.subscriptions) == 1


def test_a_cut_while_it_is_subscribed_doubles_nothing(azure: StandIn, ctx: Context) -> None:
    azure.world.faults.plan(Fault("GET", "mfeOperationsStatus", times=None, answer=broken()))
    azure.world.pace = 0.3
    with pytest.raises(RemoteError):
        _create(ctx)
    azure.world.faults.clear()
    _create(ctx)
    assert _bought(azure) == ["Mistral-large"], "the one that was under way is used"
    assert len(azure.world.requests("PUT", "/serverlessEndpoints/talk")) == 1


async def test_the_form_asks_for_the_terms_by_a_question_of_its_own(
    azure: StandIn, ctx: Context
) -> None:
    async with opened() as pilot:
        pilot.app.push_screen(DeployForm(model=SOLD))
        await pilot.pause()
        await fill_in(pilot, "endpoint", "talk")
        await choose(pilot, "where", "azureml")
        await pilot.app.workers.wait_for_complete()
        await choose(pilot, "kind", "serverless")
        await shows(pilot, "cost   paid for by token", "marketplace offer")
        for answer in ("n", "y"):
            await pilot.press("ctrl+s")
            await shows(pilot, "Make talk for")
            assert not azure.world.requests("PUT", "Endpoints/talk") or answer == "y"
            await pilot.press("y")
            await shows(pilot, "Accept the terms of Mistral AI", "token is billed")
            assert not _bought(azure)
            await pilot.press(answer)
            if answer == "n":
                await shows(pilot, "Nothing was made.")
        await shows(pilot, "Endpoints › talk", "azureml serverless", "✓ healthy")
        assert _bought(azure) == ["Mistral-large"]
        await pilot.press("escape")
        await shows(pilot, "talk", "serverless")
        await pilot.press("x")
        await shows(pilot, "A marketplace subscription to its model stays")
        await pilot.press("y")
        await shows(pilot, "The endpoint talk is deleted.")
    assert azure.world.subscriptions and not azure.world.serverless


def _killed(when: Callable[[], bool]) -> None:
    """Kill -9 a command that makes the endpoint, as soon as this holds."""
    command = [sys.executable, "-m", "fmtui", *CREATE, "--accept-terms"]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        until(when)
    finally:
        process.kill()
        process.wait(10)


def test_a_kill_while_it_is_subscribed_is_gone_on_with(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.world.pace = 1.0
    _killed(lambda: bool(_bought(azure)))
    assert azure_endpoints.unfinished(ctx) == ["talk"], "what was begun is written down"
    assert azure_endpoints.show(ctx, "talk", fresh=True).state == "creating"
    monkeypatch.setattr(notes, "_IN_FLIGHT_SECONDS", 0.0)

    def there() -> bool:
        return azure_endpoints.show(ctx, "talk", fresh=True).state == "healthy"

    until(there)
    assert not azure_endpoints.unfinished(ctx)
    assert _bought(azure) == ["Mistral-large"]
    assert len(azure.world.requests("PUT", "/serverlessEndpoints/talk")) == 1


def test_the_same_command_after_a_kill_goes_on(azure: StandIn, ctx: Context) -> None:
    azure.world.pace = 1.0
    _killed(lambda: bool(_bought(azure)))
    done = fmtui(*CREATE)
    assert done.code == 0, "what was accepted is not asked for again: " + done.err
    assert _bought(azure) == ["Mistral-large"]
    assert fmtui(*CREATE).code == 4, "and then it is there"


def test_who_was_killed_before_it_subscribed_has_subscribed_to_nothing(
    azure: StandIn, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Fault("PUT", "/marketplaceSubscriptions/", delay=1.0, answer=broken())
    azure.world.faults.plan(refused)
    _killed(lambda: refused.spoiled > 0)
    monkeypatch.setattr(notes, "_IN_FLIGHT_SECONDS", 0.0)
    info = azure_endpoints.show(ctx, "talk", fresh=True)
    assert info.state == "failed" and not azure_endpoints.unfinished(ctx)
    assert not azure.world.subscriptions and not azure.world.serverless
    with pytest.raises(TermsError):
        _create(ctx, accept=False)  # what was never made stands in nobody's way
    assert azure_marketplace.subscriptions(ctx) == []
