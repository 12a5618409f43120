"""The workspace's subscriptions to offers of the Azure Marketplace: seen, and ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from fmtui.errors import FmtuiError
from fmtui.services._azure_endpoints import connection_of, kind_of, last_seen
from fmtui.services.context import Context
from registry.references import parse, unknown

if TYPE_CHECKING:
    from fmtui.azure.marketplace import Subscription

Given = Mapping[str, str | None]


def subscriptions(ctx: Context, given: Given | None = None) -> list[Subscription]:
    """The subscriptions of the workspace, by name. Raises RemoteError."""
    from fmtui.azure import marketplace
    from fmtui.azure.connection import connect

    return sorted(marketplace.listed(connect(ctx.home, dict(given or {}))), key=lambda s: s.name)


def subscription(ctx: Context, name: str, given: Given | None = None) -> Subscription:
    """One subscription. Raises NotFoundError with the nearest names."""
    known = {found.name.lower(): found for found in subscriptions(ctx, given)}
    if name.lower() not in known:
        names = [found.name for found in known.values()]
        raise unknown("marketplace subscription", name, names,
                      hint="`fmtui azure subscriptions` lists those of the workspace.")  # fmt: skip
    return known[name.lower()]


def users(ctx: Context, of: Subscription, given: Given | None = None) -> list[str]:
    """The endpoints of the workspace that no longer answer once a subscription has ended."""
    from fmtui.azure import serverless
    from fmtui.azure.connection import connect

    found = serverless.listed(connect(ctx.home, dict(given or {})))
    return sorted(e.name for e in found if _address(e.deployments[0].model) == of.model.lower())


def unsubscribe(
    ctx: Context, name: str, given: Given | None = None,
    *, progress: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """End a subscription, and wait until it is gone. Raises NotFoundError, RemoteError."""
    from fmtui.azure import marketplace
    from fmtui.azure.connection import connect

    found = subscription(ctx, name, given)
    connection = connect(ctx.home, dict(given or {}))
    marketplace.delete(connection, found.name, progress or (lambda _: None))


def kept_by(ctx: Context, endpoint: str) -> Subscription | None:
    """The subscription that stays when a serverless endpoint is deleted, where one is known."""
    from fmtui.azure import marketplace

    with suppress(FmtuiError):
        if kind_of(ctx, endpoint) == "serverless":
            models = [d.model for d in last_seen(ctx, endpoint).deployments]
            if models:
                return marketplace.find(connection_of(ctx, endpoint), parse(models[0]).uri)
    return None


def _address(model: str) -> str:
    with suppress(FmtuiError):
        return parse(model).uri.lower()
    return model.lower()
