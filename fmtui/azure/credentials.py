"""Signing in, each way that azure-identity knows and a terminal can do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fmtui.azure.clouds import Cloud
from fmtui.azure.settings import AzureSettings
from fmtui.errors import BadInputError
from fmtui.paths import Home
from fmtui.runs.process import write_bytes

Prompt = Callable[[str], None]
"""Told what a person has to do to sign in."""

_CACHE = "fmtui"


def credential(
    home: Home, settings: AzureSettings, cloud: Cloud, prompt: Prompt | None = None
) -> Any:
    """A credential of azure-identity; no token is asked for yet.

    Args:
        prompt: Shows the address and the code of a device sign-in; without it that way is only
            taken where somebody signed in before.

    Raises BadInputError when the way that is set needs what is not there.
    """
    import azure.identity as identity

    common = _common(cloud)
    if settings.auth == "service-principal":
        return _service_principal(settings, common)
    if settings.auth == "managed-identity":
        own = {"client_id": settings.client_id} if settings.client_id else {}
        return identity.ManagedIdentityCredential(**own)
    if settings.auth == "azure-cli":
        return identity.AzureCliCredential(tenant_id=settings.tenant or "")
    if settings.auth == "device-code" or record_file(home).exists():
        return _device_code(home, settings, common, prompt)
    return identity.DefaultAzureCredential(**common)


def _service_principal(settings: AzureSettings, common: dict[str, Any]) -> Any:
    import azure.identity as identity

    tenant, client = settings.tenant, settings.client_id
    secret = os.environ.get("AZURE_CLIENT_SECRET")
    certificate = os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    missing = [
        name
        for name, value in (("AZURE_TENANT_ID", tenant), ("AZURE_CLIENT_ID", client))
        if not value
    ]
    if not secret and not certificate:
        missing.append("AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH)")
    if missing:
        raise BadInputError(
            f"a service principal needs {', '.join(missing)}", hint="Set it in the environment."
        )
    if secret:
        return identity.ClientSecretCredential(tenant, client, secret, **common)
    password = os.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
    return identity.CertificateCredential(
        tenant, client, certificate_path=certificate, password=password, **common
    )


def record_file(home: Home) -> Path:
    """Who signed in by a device code: a name and a tenant, no token."""
    return home.root / "azure-account.json"


def _device_code(
    home: Home, settings: AzureSettings, common: dict[str, Any], prompt: Prompt | None
) -> Any:
    import azure.identity as identity

    own: dict[str, Any] = dict(common)
    if settings.tenant:
        own["tenant_id"] = settings.tenant
    if settings.client_id and settings.auth == "device-code":
        own["client_id"] = settings.client_id
    # Where the platform has no keyring the cache is a file that only its owner reads, as az has.
    own["cache_persistence_options"] = identity.TokenCachePersistenceOptions(
        name=_CACHE, allow_unencrypted_storage=True
    )
    own["disable_automatic_authentication"] = prompt is None
    if prompt is not None:
        own["prompt_callback"] = lambda address, code, _: prompt(
            f"To sign in, open {address} on any device and enter the code {code}"
        )
    try:
        text = record_file(home).read_text(encoding="utf-8")
        own["authentication_record"] = identity.AuthenticationRecord.deserialize(text)
    except (OSError, ValueError):
        pass
    return identity.DeviceCodeCredential(**own)


def sign_in(home: Home, settings: AzureSettings, cloud: Cloud, prompt: Prompt) -> str:
    """Sign a person in by a device code, to be remembered; returns their name.

    Raises what azure-identity raises.
    """
    made = _device_code(home, settings, _common(cloud), prompt)
    record = made.authenticate(scopes=[cloud.scope])
    home.root.mkdir(parents=True, exist_ok=True)
    write_bytes(record_file(home), record.serialize().encode())
    return str(record.username)


def _common(cloud: Cloud) -> dict[str, Any]:
    # azure-identity lets AZURE_AUTHORITY_HOST stand above a cloud's own.
    authority = os.environ.get("AZURE_AUTHORITY_HOST") or cloud.authority
    return {"authority": authority} | (
        {"disable_instance_discovery": True} if cloud.private else {}
    )


def sign_out(home: Home) -> bool:
    """Forget who signed in by a device code; whether there was anybody."""
    if not record_file(home).exists():
        return False
    record_file(home).unlink()
    return True
