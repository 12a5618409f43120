"""Making a serverless endpoint: where its publisher sells the model, by a subscription first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fmtui.errors import FmtuiError, TermsError
from fmtui.runs.process import Identity
from fmtui.services._azure_models import address_of, base_of
from fmtui.services.context import Context
from fmtui.services.text import one_line
from registry.references import parse

if TYPE_CHECKING:
    from fmtui.azure.connection import Connection
    from fmtui.azure.endpoints import Online
    from fmtui.azure.marketplace import Subscription
    from fmtui.azure.serverless import Offered

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Serverless:
    """A serverless endpoint that can be made: of what, and the subscription that there is."""

    connection: Connection
    offered: Offered
    subscription: Subscription | None


CATALOG = "https://ml.azure.com/model/catalog"
BY_TOKEN = "paid for by token as its publisher says, nothing while nobody asks"
"""What a serverless endpoint costs."""

TO_SUBSCRIBE = "you are asked before its marketplace offer is subscribed to"
"""What is said in advance of a model that its publisher may sell."""


def serverless_address(ctx: Context, model: str) -> str:
    """Where a model lies that is to be run by its publisher; which version does not matter."""
    wanted = parse(model)
    if wanted.source not in ("hf", "local"):
        return wanted.uri
    return address_of(base_of(ctx, model, "inference"))


def check_serverless(ctx: Context, connection: Connection, model: str) -> Serverless:
    """Look at what can be known before anything is made.

    Raises BadInputError for a model that is not offered so, ConflictError for a subscription that
    is suspended or has ended.
    """
    from fmtui.azure import marketplace, serverless

    offered = serverless.check_offered(connection, serverless_address(ctx, model), model)
    found = None
    with suppress(FmtuiError):  # who may not list them may do without, where none is wanted
        found = marketplace.find(connection, offered.address)
    if found is not None and found.status not in ("creating", "failed"):
        marketplace.check(found)
    return Serverless(connection, offered, found)


def cost_of(new: Serverless) -> str:
    """What it costs, and what may have to be accepted first."""
    if new.offered.sold and new.subscription is None:
        return f"{BY_TOKEN}; {TO_SUBSCRIBE}"
    return BY_TOKEN


def pending(offered: Offered, tags: Mapping[str, str]) -> dict[str, Any]:
    """What is written down before anything is begun, for `resume`."""
    maker = Identity.of(os.getpid())
    return {
        "model": offered.address, "tags": dict(tags), "maker": asdict(maker) if maker else None,
    }  # fmt: skip


def make(
    new: Serverless, name: str, tags: Mapping[str, str], accept_terms: bool, tell: Progress
) -> None:
    """Make the endpoint; the workspace is subscribed to its model's offer where Azure asks for it.

    Raises:
        TermsError: a subscription is wanted, and nobody has accepted its terms; nothing is left.
        FmtuiError: what the service refuses.
    """
    from fmtui.azure import marketplace, serverless

    connection, offered, there = new.connection, new.offered, new.subscription
    if there is not None and there.status == "creating":
        marketplace.settled(connection, offered.address, tell)
    elif accept_terms and offered.sold and (there is None or there.status == "failed"):
        _subscribe(connection, offered, tell)
    try:
        serverless.create(connection, name, offered.address, tags, tell)
        return
    except FmtuiError as error:
        if not marketplace.is_wanted(error):
            raise
        found = marketplace.find(connection, offered.address)
        if found is not None and found.status != "failed":
            marketplace.check(found)
            raise
        if not accept_terms:
            _clear(connection, name, tell)
            raise terms_of(connection, offered, found) from error
    _subscribe(connection, offered, tell)
    serverless.create(connection, name, offered.address, tags, tell)


def _subscribe(connection: Connection, offered: Offered, tell: Progress) -> None:
    from fmtui.azure import marketplace

    found = marketplace.subscribe(connection, offered.address, tell)
    if found is not None:
        tell(f"The workspace is subscribed: {found.offered} ({found.name})")


def _clear(connection: Connection, name: str, tell: Progress) -> None:
    """Take away what Azure may have kept of an endpoint that it refused to make."""
    from fmtui.azure import serverless

    with suppress(FmtuiError):
        found = serverless.look(connection, name)
        if found is not None and found.state == "failed":
            serverless.delete(connection, name, tell)


def terms_of(
    connection: Connection, offered: Offered, tried: Subscription | None = None
) -> TermsError:
    """Asks for a publisher's terms, as far as they are told before they are accepted.

    Azure names the plan only to who has tried to subscribe.
    """
    model = offered.address.rpartition("/")[2]
    publisher = one_line(offered.publisher) or "its publisher"
    licence = f", licence {one_line(offered.license)}" if offered.license else ""
    plan = f" ({one_line(tried.offered)})" if tried is not None and tried.plan else ""
    return TermsError(
        f"{model} is sold through the Azure Marketplace, and the workspace is not subscribed to "
        f"the offer of {publisher}",
        question=f"Accept the terms of {publisher} and subscribe {connection.settings.workspace} "
        f"to its marketplace offer for {model}?",
        terms=f"Publisher {publisher}{licence}{plan}; prices and terms stand on the model's card, "
        f"{CATALOG}. From then on each token is billed, nothing while nobody asks; the "
        "subscription stays until `fmtui azure unsubscribe`.",
    )


def resume(
    connection: Connection, name: str, begun: Mapping[str, Any]
) -> tuple[bool, Online | None]:
    """Go on with an endpoint whose maker was killed before it asked for it.

    The endpoint is asked for where the workspace is subscribed to the model's offer, and waited
    for where that is under way. Terms are accepted by people alone: nothing is subscribed to.

    Returns:
        Whether it is still under way, and the endpoint where there is one now.
    """
    from fmtui.azure import marketplace, serverless

    found = marketplace.find(connection, begun["model"])
    if found is None or found.status not in ("active", "creating"):
        return False, None
    if found.status == "active":
        serverless.begin(connection, name, begun["model"], begun.get("tags") or {}, polling=False)
    return True, serverless.look(connection, name)


def made_by_living(begun: Mapping[str, Any]) -> bool:
    """Whether the process that began it is still at it."""
    maker = begun.get("maker")
    return maker is not None and Identity(**maker).alive()
