"""Signing in, each way that azure-identity knows and a terminal can do."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fmtui.azure.clouds import Cloud
from fmtui.azure.settings import AzureSettings
from fmtui.errors import BadInputError, SignInError
from fmtui.paths import Home
from fmtui.runs.process import write_bytes

Prompt = Callable[[str], None]
"""Told what a person has to do to sign in."""

_SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "IDENTITY_HEADER")

Canceled = Callable[[], bool]
"""Asked while a sign-in is waited for; True ends the waiting."""

_CACHE = "fmtui"
LIMITS = {"connection_timeout": 5, "read_timeout": 10, "retry_connect": 1, "retry_read": 1}
"""Seconds and tries for a token; azure-identity's own are 300 s for each of four tries."""


def credential(home: Home, settings: AzureSettings, cloud: Cloud) -> Any:
    """A credential of azure-identity; no token is asked for yet.

    By a device code only who signed in before is signed in: see `sign_in`.

    Raises BadInputError when the way that is set needs what is not there.
    """
    try:
        return _credential(home, settings, cloud)
    except OSError as error:  # the one file that is read for it
        raise BadInputError(
            f"can't be read: {error.strerror or error}",
            file=os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH"),
        ) from error
    except ValueError as error:
        said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise BadInputError(
            f"can't sign in: {said}",
            hint="Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_CERTIFICATE_PATH.",
        ) from error


def _credential(home: Home, settings: AzureSettings, cloud: Cloud) -> Any:
    import azure.identity as identity

    common = _common(cloud)
    if settings.auth == "service-principal":
        return _service_principal(settings, common)
    if settings.auth == "managed-identity":
        own = {"client_id": settings.client_id} if settings.client_id else {}
        return identity.ManagedIdentityCredential(**own, **LIMITS)
    if settings.auth == "azure-cli":
        return identity.AzureCliCredential(tenant_id=settings.tenant or "")
    record = _record(home, cloud)
    if settings.auth == "device-code" or record is not None:
        return _device_code(settings, common, None, record)
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


def person(made: Any) -> str | None:
    """Who is signed in by a credential, where that is a person who is known by name."""
    record = getattr(made, "_auth_record", None)
    return str(record.username) if record is not None else None


def record_file(home: Home) -> Path:
    """Who signed in by a device code: a name and a tenant, no token."""
    return home.root / "azure-account.json"


def signed_in(home: Home) -> int:
    """A number that changes when somebody signs in or out, by a code or by the environment."""
    try:
        record = record_file(home).read_bytes()
    except OSError:
        record = b""
    return hash((record, *(os.environ.get(name) for name in _SECRETS)))


def _device_code(
    settings: AzureSettings, common: dict[str, Any], prompt: Prompt | None, record: Any | None
) -> Any:
    import azure.identity as identity

    own: dict[str, Any] = dict(common)
    if settings.tenant:
        own["tenant_id"] = settings.tenant
    if settings.client_id and settings.auth == "device-code":
        own["client_id"] = settings.client_id
    own["cache_persistence_options"] = _kept()
    own["disable_automatic_authentication"] = prompt is None
    if prompt is not None:
        own["prompt_callback"] = lambda address, code, _: prompt(
            f"To sign in, open {address} on any device and enter the code {code}"
        )
    if record is not None:
        del own["authority"]  # it is the record's, and azure-identity takes only one
        own["authentication_record"] = record
    return identity.DeviceCodeCredential(**own)


def _record(home: Home, cloud: Cloud) -> Any | None:
    """Who signed in to this cloud by a device code, None where nobody did."""
    import azure.identity as identity

    try:
        text = record_file(home).read_text(encoding="utf-8")
        record = identity.AuthenticationRecord.deserialize(text)
    except (OSError, ValueError, KeyError):
        return None
    return record if record.authority == urlsplit(_authority(cloud)).netloc else None


def _kept() -> Any:
    import azure.identity as identity

    # Where the platform has no keyring the cache is a file that only its owner reads, as az has.
    return identity.TokenCachePersistenceOptions(name=_CACHE, allow_unencrypted_storage=True)


def sign_in(
    home: Home,
    settings: AzureSettings,
    cloud: Cloud,
    prompt: Prompt,
    canceled: Canceled = lambda: False,
) -> str:
    """Sign a person in by a device code, to be remembered; returns their name.

    Raises what azure-identity raises, SignInError when it is canceled.
    """

    def look(_: Any) -> None:  # before each request, so also before each time that Azure is asked
        if canceled():
            raise KeyboardInterrupt

    common = _common(cloud) | {"raw_request_hook": look}
    try:
        record = _device_code(settings, common, prompt, None).authenticate(scopes=[cloud.scope])
    except KeyboardInterrupt:
        if canceled():
            raise SignInError("the sign-in was given up") from None
        raise
    before = _record(home, cloud)
    if before is not None and before.home_account_id != record.home_account_id:
        _forget_tokens(before)
    home.root.mkdir(parents=True, exist_ok=True)
    write_bytes(record_file(home), record.serialize().encode())
    return str(record.username)


def _authority(cloud: Cloud) -> str:
    # azure-identity lets AZURE_AUTHORITY_HOST stand above a cloud's own.
    authority = os.environ.get("AZURE_AUTHORITY_HOST") or cloud.authority
    return authority if "://" in authority else f"https://{authority}"


def _common(cloud: Cloud) -> dict[str, Any]:
    return {"authority": _authority(cloud), **LIMITS} | (
        {"disable_instance_discovery": True} if cloud.private else {}
    )


def sign_out(home: Home) -> bool:
    """Forget who signed in by a device code, and their tokens; whether there was anybody."""
    import azure.identity as identity

    try:
        text = record_file(home).read_text(encoding="utf-8")
    except OSError:
        return False
    with suppress(ValueError, KeyError):
        _forget_tokens(identity.AuthenticationRecord.deserialize(text))
    record_file(home).unlink()
    return True


def forget_refused(home: Home, cloud: Cloud) -> None:
    """Forget the access tokens of who signed in by a device code: the service refuses them, and
    the cache would give them out until their time is past. The sign-in stays.
    """
    with suppress(OSError):
        if (record := _record(home, cloud)) is not None:
            _forget_tokens(record, only_access=True)


def _forget_tokens(record: Any, *, only_access: bool = False) -> None:
    """Take a person's tokens out of the cache; those of others stay."""
    from azure.identity._persistent_cache import _load_persistent_cache
    from msal import TokenCache

    cache, kinds = _load_persistent_cache(_kept()), TokenCache.CredentialType
    lasting = (
        (kinds.REFRESH_TOKEN, cache.remove_rt),
        (kinds.ID_TOKEN, cache.remove_idt),
        (kinds.ACCOUNT, cache.remove_account),
    )
    for kind, remove in ((kinds.ACCESS_TOKEN, cache.remove_at), *(() if only_access else lasting)):
        for entry in list(cache.search(kind, query={"home_account_id": record.home_account_id})):
            remove(entry)
