"""`fmtui azure subscriptions` and `unsubscribe`: the Azure Marketplace."""

from __future__ import annotations

import click

from fmtui.cli.azure_options import azure_options
from fmtui.cli.deployment import consent, reporter
from fmtui.cli.output import json_option, print_json, progress, quiet_option, table
from fmtui.services.context import context


@click.command()
@azure_options
@json_option
def subscriptions(as_json: bool, **given: str | None) -> None:
    """List the workspace's subscriptions to marketplace offers, by which it may use models.

    `fmtui endpoint create --kind serverless` makes one where a model wants it.
    """
    from dataclasses import asdict

    from fmtui.services import azure_marketplace

    found = azure_marketplace.subscriptions(context(), given)
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        progress("The workspace is subscribed to no offer of the Azure Marketplace.")
    else:
        rows = (
            (s.name, s.status, s.publisher or "–", s.offer or "–", s.plan or "–", s.model)
            for s in found
        )
        table(("subscription", "state", "publisher", "offer", "plan", "model"), rows)


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@azure_options
@quiet_option
@json_option
def unsubscribe(name: str, yes: bool, quiet: bool, as_json: bool, **given: str | None) -> None:
    """End the workspace's marketplace subscription NAME: its model no longer answers there."""
    from fmtui.services import azure_marketplace

    found = azure_marketplace.subscription(context(), name, given)
    used = ", ".join(azure_marketplace.users(context(), found, given)) or "no endpoint"
    consent(f"End the subscription {found.name} ({found.offered}); {used} stops answering.", yes)
    azure_marketplace.unsubscribe(context(), found.name, given, progress=reporter(quiet))
    if as_json:
        print_json({"subscription": found.name, "state": "ended"})
    else:
        click.echo(f"{found.name} ended")
