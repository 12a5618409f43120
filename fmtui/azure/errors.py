"""Errors of the service become sentences: what happened, and what a person can do about it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fmtui.azure.sign_in_errors import sign_in_error, unreachable
from fmtui.errors import BadInputError, ConflictError, FmtuiError, NotFoundError, RemoteError

_SKEW_SECONDS = 300.0
_ROLES = (
    ("registries/", "AzureML Registry User"),
    ("computes/", "AzureML Compute Operator"),
    ("storageaccounts/", "Storage Blob Data Contributor"),
    ("blobservices/", "Storage Blob Data Contributor"),
    ("workspaces/listkeys", "Contributor"),
    ("workspaces/marketplace", "Azure AI Developer"),
    ("microsoft.marketplaceordering/", "Contributor"),
    ("microsoft.saas/", "Contributor"),
    ("workspaces/", "AzureML Data Scientist"),
)
"""Which built-in role allows an action, by a part of the action's name; the first that fits."""

_STORE = ("AuthorizationPermissionMismatch", "AuthorizationFailure", "AuthenticationFailed")
"""How a storage account says that it lets nobody in."""

_CRASHES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What the SDK raises over an answer that lacks what it took for granted."""

_refusals = 0


def refusals() -> int:
    """How often a token was refused in this process that had been good until then."""
    return _refusals


def note_refusal() -> None:
    """Let the next connection sign in anew."""
    global _refusals
    _refusals += 1


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Let what the SDK raises in the block come out as one of fmtui's errors.

    Args:
        doing: What was tried, as in "can't {doing}".
    """
    try:
        yield
    except (FmtuiError, KeyboardInterrupt):
        raise
    except Exception as error:
        made = sentence(error, doing)
        if made is None:
            raise
        raise made from error


def sentence(error: BaseException, doing: str) -> FmtuiError | None:
    """The error that tells of `error`, None for one that is no answer of Azure."""
    module = type(error).__module__
    if module.startswith(("azure.", "msal", "msrest", "requests", "urllib3", "marshmallow")):
        return _of_azure(error, doing)
    if isinstance(error, TimeoutError | ConnectionError):
        return unreachable(doing, str(error))
    if isinstance(error, json.JSONDecodeError):
        return RemoteError(
            f"can't {doing}: what was answered is no answer of Azure's",
            hint="Is a proxy between? `fmtui doctor` goes through it step by step.",
        )
    if isinstance(error, _CRASHES) and _within_sdk(error):
        return RemoteError(
            f"can't {doing}: Azure's SDK can't read what was answered "
            f"({type(error).__name__}: {_line(str(error))[:200]})",
            hint="Look at it in the studio, or try again in a while.",
        )
    return None


def _within_sdk(error: BaseException) -> bool:
    """Whether it was raised by the SDK's own code, not by ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = str(trace.tb_frame.f_globals.get("__name__")) if trace is not None else ""
    return name.startswith(("azure.", "msrest."))


def _of_azure(error: BaseException, doing: str) -> FmtuiError:
    text = _message(error)
    if (refused := sign_in_error(error, text)) is not None:
        return refused
    status = getattr(error, "status_code", None)
    name = type(error).__name__
    if status == 401:
        note_refusal()
    if name in ("ServiceRequestError", "SSLError", "ConnectionError", "ConnectTimeout"):
        return unreachable(doing, text)
    if name.startswith(("ServiceResponse", "IncompleteRead", "ReadTimeout", "ChunkedEncoding")):
        return RemoteError(
            f"can't {doing}: the connection to Azure was cut", hint="Try again; nothing is lost."
        )
    skew = _skew(error)
    if status in (401, 403) and skew is not None:
        return RemoteError(
            f"can't {doing}: the clock of this machine is {skew} than Azure's",
            hint="Set the time, then try again.",
        )
    return _by_status(status, _code(error), text, doing, error)


def _by_status(
    status: int | None, code: str, text: str, doing: str, error: BaseException
) -> FmtuiError:
    lower = text.lower()
    if "quota" in code.lower() or "quota" in lower:
        return RemoteError(
            f"can't {doing}: the quota does not suffice: {_line(text)}",
            hint="Take a smaller instance type or fewer instances, or ask for quota in the portal.",
        )
    if "not supported in this region" in lower or code in ("SkuNotAvailable", "InvalidVmSize"):
        return RemoteError(
            f"can't {doing}: {_line(text)}",
            hint="Take another instance type: `fmtui azure sizes` lists those of the region.",
        )
    if status == 401:
        return RemoteError(
            f"can't {doing}: the sign-in is not valid (any more)",
            hint="Sign in again: `fmtui azure login`, or `az login`.",
        )
    if status == 403:
        return _forbidden(text, doing, str(getattr(error, "error_code", "") or ""))
    if status == 429:
        after = _header(error, "Retry-After")
        wait = f"in {after} s" if after and after.isdigit() else "in a while"
        return RemoteError(f"can't {doing}: Azure asks to slow down", hint=f"Try again {wait}.")
    if status == 404:
        return NotFoundError(f"can't {doing}: {_line(text)}")
    if status == 409:
        return ConflictError(
            f"can't {doing}: {_line(text)}", hint="Choose another name, or wait and try again."
        )
    if status is not None and status >= 500:
        return RemoteError(
            f"can't {doing}: Azure has a fault of its own ({status})", hint="Try again in a while."
        )
    if type(error).__name__ in ("ValidationException", "ValidationError", "UserErrorException"):
        return BadInputError(f"can't {doing}: {_line(text)}")
    return RemoteError(f"can't {doing}: {_line(text)}")


def _forbidden(text: str, doing: str, code: str) -> FmtuiError:
    if code.endswith(_STORE) or re.search(rf"ErrorCode: ?(?:{'|'.join(_STORE)})", text):
        return RemoteError(
            f"can't {doing}: the workspace's store does not allow it",
            hint="Ask the workspace's owner for the role Storage Blob Data Contributor, or whether "
            "the store's firewall lets this machine in.",
        )
    action = re.search(r"perform action '([^']+)'", text)
    if action is None:
        return RemoteError(
            f"can't {doing}: Azure does not allow it: {_line(text)}",
            hint="Ask the workspace's owner for the role AzureML Data Scientist.",
        )
    lower = action[1].lower() + "/"
    role = next((role for part, role in _ROLES if part in lower), "AzureML Data Scientist")
    return RemoteError(
        f"can't {doing}: the right {action[1]} is missing",
        hint=f"Ask the workspace's owner for the role {role}.",
    )


def _message(error: BaseException) -> str:
    """What the service said, without the SDK's frame around it."""
    inner = getattr(error, "error", None)
    said = getattr(inner, "message", None)
    text = str(said or getattr(error, "message", None) or str(error))
    # azure-core puts the code and the content below the message.
    text = re.split(r"\n(?:Code|Content|Message|RequestId|Target): ?", text)[0]
    text = re.sub(r"^\([A-Za-z0-9_.]+\) ", "", text.strip()) or type(error).__name__
    if not said and text == "Operation returned an invalid status 'OK'":  # of a long operation
        return "Azure ended it, and does not say why"
    if not said and text.startswith("Operation returned an invalid status"):
        return _body(error) or text
    if "(x) " in text:  # what the SDK itself finds amiss, between advice for its files
        return re.split(r"\n*\s*Resolutions:", text.partition("(x) ")[2])[0].strip().rstrip(".")
    more = [str(d.message) for d in getattr(inner, "details", None) or () if _tells(d, text)]
    return ": ".join([text.rstrip("."), *more[:1]]) if more else text


def _tells(detail: Any, text: str) -> bool:
    said = getattr(detail, "message", None)
    return bool(said) and str(said) not in text


def _body(error: Any) -> str:
    """What an answer says that has not the form of Azure's errors, empty for a page of a proxy."""
    with contextlib.suppress(Exception):  # not every error has an answer that was read
        text = str(error.response.text()).strip()
        with contextlib.suppress(ValueError):
            body = json.loads(text)
            said = body.get("Message") or body.get("message") or body.get("error_description")
            return str(said or body.get("error") or "")
        return "" if text.startswith("<") else text[:300]
    return ""


def _line(text: str) -> str:
    return " ".join(text.split())


def _code(error: BaseException) -> str:
    return str(getattr(getattr(error, "error", None), "code", "") or "")


def _header(error: BaseException, name: str) -> str | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    return headers.get(name) if headers is not None else None


def _skew(error: BaseException) -> str | None:
    """How far this machine's clock is off by the answer's own date, None where it is right."""
    date = _header(error, "Date")
    if not date:
        return None
    try:
        off = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return None
    if abs(off) < _SKEW_SECONDS:
        return None
    minutes = round(abs(off) / 60)
    return f"{minutes} minutes {'later' if off > 0 else 'earlier'}"
