"""Why nobody could be signed in, as a sentence: what was refused, and what to do about it.

The codes are Microsoft's: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from fmtui.errors import FmtuiError, RemoteError, SignInError

_AGAIN = "Sign in again: `fmtui azure login`."
_CODES = {
    "7000215": ("the client secret is wrong", "Set AZURE_CLIENT_SECRET anew."),
    "7000222": (
        "the client secret has expired",
        "Make a new one for the application, and set AZURE_CLIENT_SECRET.",
    ),
    "700027": (
        "the application does not know the certificate",
        "Check AZURE_CLIENT_CERTIFICATE_PATH, or add the certificate to the application.",
    ),
    "700016": ("there is no such application in the tenant", "Check AZURE_CLIENT_ID."),
    "90002": ("there is no such tenant", "Check AZURE_TENANT_ID."),
    "50076": ("a second factor is asked for", "Sign in by `fmtui azure login`."),
    "50079": ("a second factor is asked for", "Sign in by `fmtui azure login`."),
    "50173": ("the sign-in was taken back, or the password changed", _AGAIN),
    "700082": ("the sign-in has expired", _AGAIN),
    "70043": ("the sign-in has expired", _AGAIN),
    "700024": ("the clock of this machine is wrong", "Set the time, then try again."),
    "500011": ("the tenant does not know Azure ML", "Check AZURE_TENANT_ID and the cloud."),
    "53003": ("the tenant's rules do not allow it from here", "Ask its administrator."),
    "70018": ("the code is not valid", "`fmtui azure login` gives another."),
    "70019": ("nobody entered the code in time", "`fmtui azure login` gives another."),
    "70020": ("nobody entered the code in time", "`fmtui azure login` gives another."),
}
_WORDS = {
    "authorization_declined": ("it was declined in the browser", "`fmtui azure login` asks again."),
    "access_denied": ("it was declined in the browser", "`fmtui azure login` asks again."),
    "expired_token": _CODES["70020"],
    "bad_verification_code": _CODES["70018"],
}
_BUSY = ("90033", "50196", "90006")
_WAYS = (
    "`fmtui azure login`, `az login`, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
)
_AWAY = re.compile(
    r"Max retries|timed out|Failed to (?:resolve|establish)|[Cc]onnection (?:reset|refused|aborted)"
    r"|getaddrinfo|Name or service|name resolution|ProxyError|CERTIFICATE_VERIFY_FAILED"
)
_NO_ANSWER = re.compile(r"Expecting value|None\b|\{|$")
"""What msal makes of an answer that is no JSON, or no error as OAuth has them."""

_NO_IDENTITY = re.compile(
    r"[Ii]dentity not found|No identity has been assigned|No .{0,40}[Ii]dentity (?:was )?found"
)


def sign_in_error(error: BaseException, text: str) -> FmtuiError | None:
    """The sentence for what azure-identity raised, None where it is about something else.

    Args:
        text: The error's message.
    """
    name, said = type(error).__name__, _answer(error)
    for code in re.findall(r"AADSTS(\d+)", f"{text} {said.get('error_description', '')}"):
        if code in _CODES:
            what, hint = _CODES[code]
            return SignInError(f"can't sign in: {what} (AADSTS{code})", hint=hint)
        if code in _BUSY:
            return RemoteError(
                f"can't sign in: Microsoft's sign-in is busy (AADSTS{code})",
                hint="Try again in a while.",
            )
        whole = f"{text} {said.get('error_description', '')}"
        return SignInError(f"can't sign in: {_plain(whole[whole.index('AADSTS') :])}", hint=_WAYS)
    if (word := str(said.get("error"))) in _WORDS:
        what, hint = _WORDS[word]
        return SignInError(f"can't sign in: {what}", hint=hint)
    if name == "AuthenticationRequiredError":
        return SignInError("can't sign in: the sign-in has expired or was taken back", hint=_AGAIN)
    if name == "CredentialUnavailableError" or (
        name == "ClientAuthenticationError" and getattr(error, "status_code", None) is None
    ):
        return _nobody(text)
    return None


def unreachable(doing: str, text: str) -> RemoteError:
    """The sentence for a connection that could not be made."""
    if "certificate" in text.lower():
        return RemoteError(
            f"can't {doing}: the server's certificate is not trusted",
            hint="Behind a proxy of your own set REQUESTS_CA_BUNDLE to its authority's file.",
        )
    host = re.search(r"host='([^']+)'", text)
    return RemoteError(
        f"can't {doing}: can't reach {host[1] if host else 'Azure'}",
        hint="Check the network and HTTPS_PROXY; `fmtui doctor` goes through it step by step.",
    )


def _nobody(text: str) -> FmtuiError:
    if "Timed out waiting for user" in text:
        what, hint = _CODES["70020"]
        return SignInError(f"can't sign in: {what}", hint=hint)
    # A chain of credentials lists them all: one that was tried and refused is the reason.
    tried = re.search(r"(\w+)Credential: Authentication failed: (.*)", text)
    if _AWAY.search(text):
        return unreachable("sign in", text)
    if tried and (status := re.match(r"HTTP Error: (5\d\d)", tried[2])):
        return RemoteError(
            f"can't sign in: Microsoft's sign-in has a fault of its own ({status[1]})",
            hint="Try again in a while.",
        )
    if tried and _NO_ANSWER.match(tried[2]):
        return RemoteError(
            "can't sign in: what was answered is no answer of Microsoft's sign-in",
            hint="Is a proxy between? Look at AZURE_AUTHORITY_HOST and HTTPS_PROXY, and try again.",
        )
    if tried:
        return SignInError(
            f"nobody is signed in to Azure: {tried[1]}: {_plain(tried[2])}", hint=_WAYS
        )
    if text.startswith(("DefaultAzureCredential", "ChainedTokenCredential")):
        return SignInError("nobody is signed in to Azure", hint=_WAYS)
    if "anaged" in text.partition(".")[0] and "dentity" in text.partition(".")[0]:
        return _no_identity(text)
    return SignInError(f"nobody is signed in to Azure: {_plain(text)}", hint=_WAYS)


def _no_identity(text: str) -> SignInError:
    if _NO_IDENTITY.search(text):
        return SignInError(
            "can't sign in: this machine has no such managed identity",
            hint="Assign one to it, or check AZURE_CLIENT_ID: it names one that the person made.",
        )
    return SignInError(
        "can't sign in: no managed identity answers here",
        hint="Only machines of Azure's have one; behind a proxy NO_PROXY must name its address.",
    )


def _answer(error: Any) -> dict[str, Any]:
    """What the sign-in's service answered, empty where it did not."""
    with suppress(Exception):
        said = json.loads(error.response.text())
        return said if isinstance(said.get("error"), str) else {}
    return {}


def _plain(text: str) -> str:
    """A sentence of the service without the numbers that only its own people can look up."""
    first = re.split(r"\s*(?:Trace ID|Correlation ID|To mitigate this)\b", text)[0]
    line = " ".join((first.strip().splitlines() or [""])[0].split())
    return line.removeprefix("Authentication failed: ").rstrip(".")
