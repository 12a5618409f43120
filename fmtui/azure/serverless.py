"""Serverless endpoints: a model of a registry that its publisher runs, paid for by token.

The same verbs as those of `fmtui.azure.endpoints`, as far as there are such: what is deployed is
the one model that the endpoint was created for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.azure.connection import Connection
from fmtui.azure.endpoints import STATES, Deployed, Online, Tell, wait, word_of
from fmtui.azure.errors import translated
from fmtui.errors import BadInputError, NotFoundError
from registry.references import Reference

ROUTE = "/chat/completions?api-version=2024-05-01-preview"
"""Where a model for chat answers: https://learn.microsoft.com/azure/machine-learning/
reference-model-inference-api"""

_OFFERED = "maas-inference"
_ADDRESS = re.compile(r"azureml://registries/([^/]+)/models/([^/]+)")
_MICROSOFTS = "azureml"
"""The registry whose models Microsoft sells itself; those of the others may be sold by their
publishers, through the Azure Marketplace: https://learn.microsoft.com/azure/machine-learning/
how-to-deploy-models-serverless"""


@dataclass(frozen=True)
class Offered:
    """A model that is offered as a serverless endpoint, with what its registry says of it.

    Attributes:
        address: Its address, without a version: the newest is served.
        publisher: Who made it, empty where that is not said; so is `license`.
        sold: Whether its publisher may sell it through the Azure Marketplace.
    """

    address: str
    publisher: str = ""
    license: str = ""
    sold: bool = False


def listed(connection: Connection) -> list[Online]:
    """The serverless endpoints of the workspace. Raises RemoteError."""
    with translated("list the serverless endpoints"):
        return [_online(found) for found in connection.workspace.serverless_endpoints.list()]


def look(connection: Connection, name: str) -> Online | None:
    """One endpoint, None where there is none. Raises RemoteError."""
    try:
        with translated(f"look at the serverless endpoint {name}"):
            return _online(connection.workspace.serverless_endpoints.get(name))
    except NotFoundError:
        return None


def _online(found: Any) -> Online:
    state = STATES.get(word_of(found.provisioning_state), "updating")
    match = _ADDRESS.match(str(found.model_id or ""))
    model = str(Reference(match[1], match[2]) if match else found.model_id or "")
    made = getattr(found.system_data, "created_at", None)
    return Online(
        str(found.name),
        state,
        str(found.scoring_uri or ""),
        str(found.auth_mode),
        str(made or ""),
        dict(found.tags or {}),
        (Deployed("model", model, state, "serverless", 0, 100),),
    )


def check_offered(connection: Connection, address: str, model: str) -> Offered:
    """What the registry says of a model that is offered so.

    Raises BadInputError for one that is not, NotFoundError, RemoteError.
    """
    match = _ADDRESS.match(address)
    if match is not None:
        client = connection.registry(match[1])
        with translated(f"look at the model {model}"):
            found = client.models.get(match[2], label="latest")
        facts = {**(found.properties or {}), **(found.tags or {})}
        if _OFFERED in (found.tags or {}):
            publisher = str(facts.get("publisher") or facts.get("author") or "")
            sold = match[1].lower() != _MICROSOFTS
            return Offered(match[0], publisher, str(facts.get("license") or ""), sold)
    raise BadInputError(
        f"{model} is not offered as a serverless endpoint",
        hint="Deploy it on instances: `fmtui endpoint create NAME --target azureml`, then deploy.",
    )


def begin(
    connection: Connection, name: str, address: str, tags: Mapping[str, str], **how: Any
) -> Any:
    """Ask for an endpoint for the model at `address`; gives the SDK's poller."""
    from azure.ai.ml.entities import ServerlessEndpoint

    with translated(f"create the serverless endpoint {name}"):
        return connection.workspace.serverless_endpoints.begin_create_or_update(
            ServerlessEndpoint(name=name, model_id=address, tags=dict(tags)), **how
        )


def create(
    connection: Connection, name: str, address: str, tags: Mapping[str, str], tell: Tell
) -> None:
    """Create an endpoint for the model at `address` and wait until it is there.

    Raises what the service refuses: some models want a subscription at the marketplace first,
    which `fmtui.azure.marketplace.is_wanted` tells.
    """
    poller = begin(connection, name, address, tags)
    with translated(f"create the serverless endpoint {name}"):
        wait(poller, f"Azure creates the serverless endpoint {name}", tell)


def delete(connection: Connection, name: str, tell: Tell) -> None:
    """Delete an endpoint. Raises RemoteError."""
    with translated(f"delete the serverless endpoint {name}"):
        poller = connection.workspace.serverless_endpoints.begin_delete(name)
        wait(poller, f"Azure deletes the serverless endpoint {name}", tell)


def keys(connection: Connection, name: str) -> tuple[str, str]:
    """The two keys. Raises RemoteError."""
    with translated(f"read the keys of {name}"):
        found = connection.workspace.serverless_endpoints.get_keys(name)
    return str(found.primary_key or ""), str(found.secondary_key or "")


def regenerate(connection: Connection, name: str, which: str, tell: Tell) -> None:
    """Replace one key. Raises RemoteError."""
    client, settings = connection.workspace, connection.settings
    with translated(f"replace a key of {name}"):
        # The SDK's own verb hands the name on by a word that its client does not know (1.35.2).
        poller = client.serverless_endpoints._service_client.begin_regenerate_keys(
            settings.resource_group, settings.workspace, name, {"keyType": which.capitalize()}
        )
        wait(poller, f"Azure makes a new {which} key", tell)
