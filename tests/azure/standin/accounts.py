"""People who sign in by a device code, and the refresh tokens that keep them signed in.

The answers are those of OAuth's device flow as Microsoft's identity platform gives them:
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass

import jwt

from tests.azure.standin.http import Answer, Json, Request, Router
from tests.azure.standin.tokens import KEY, form_of, issue, refusal
from tests.azure.standin.world import LOGIN, TENANT, World

router = Router()
PERSON = "somebody@standin.test"
PAGE = f"{LOGIN}/device"
_SUBJECT = "77777777-aaaa-4bbb-8ccc-888888888888"


@dataclass
class Device:
    """A code that was given out: pending until somebody enters it, says no, or it expires."""

    user_code: str
    client: str
    scope: str
    due: float
    state: str = "pending"


@router.on("POST", "/{tenant}/oauth2/v2.0/devicecode")
def begin(world: World, request: Request, tenant: str) -> Answer:
    form = form_of(request)
    code, user_code = f"device~{uuid.uuid4().hex}", uuid.uuid4().hex[:9].upper()
    due = world.now() + world.device_seconds
    world.devices[code] = Device(user_code, form["client_id"], form.get("scope", ""), due)
    body = {
        "user_code": user_code, "device_code": code, "verification_uri": PAGE,
        "expires_in": world.device_seconds, "interval": 1,
        "message": f"To sign in, open {PAGE} and enter the code {user_code} to authenticate.",
    }  # fmt: skip
    return Answer(200, body)


def enter(world: World, user_code: str, *, say: str = "yes") -> None:
    """What a person does in a browser: enter the code, and agree or not."""
    with world.lock:
        device = next(d for d in world.devices.values() if d.user_code == user_code)
        device.state = "agreed" if say == "yes" else "declined"


def redeem(world: World, form: dict[str, str]) -> Answer:
    """The token for a device code, or why there is none (yet)."""
    device = world.devices.get(form.get("device_code", ""))
    if device is None or device.client != form.get("client_id"):
        return refusal(
            "AADSTS70018", "Invalid verification code.", "bad_verification_code", status=400
        )
    if device.state == "declined":
        return Answer(400, {"error": "authorization_declined", "error_description": "Declined."})
    if world.now() >= device.due:
        words = (
            "The provided value for the input parameter 'device_code' is not valid. This device "
            "code has expired."
        )
        return refusal("AADSTS70020", words, "expired_token", status=400)
    if device.state == "pending":
        words = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
        return refusal("AADSTS70016", words, "authorization_pending", status=400)
    return _signed_in(world, device.client, device.scope)


def refresh(world: World, form: dict[str, str]) -> Answer:
    """A new token for a refresh token that nobody took back."""
    client = form.get("client_id", "")
    if world.refresh_tokens.get(form.get("refresh_token", "")) != client:
        words = (
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. "
            "The user might have changed or reset their password."
        )
        return refusal("AADSTS50173", words, "invalid_grant", status=400)
    return _signed_in(world, client, form.get("scope", ""))


def take_back(world: World) -> None:
    """Every sign-in of a person ends: what an administrator does by `revoke sessions`."""
    with world.lock:
        world.refresh_tokens.clear()


def _signed_in(world: World, client: str, scope: str) -> Answer:
    audience = next(s for s in scope.split() if s.endswith("/.default")).removesuffix("/.default")
    token = f"refresh~{uuid.uuid4().hex}"
    world.refresh_tokens[token] = client
    world.kept.append(token)
    body: Json = {
        "token_type": "Bearer", "scope": scope, "expires_in": world.token_seconds,
        "ext_expires_in": world.token_seconds, "refresh_token": token,
        "access_token": issue(world, audience, client),
        "id_token": _identity(world, client), "client_info": _client_info(),
    }  # fmt: skip
    return Answer(200, body)


def _identity(world: World, client: str) -> str:
    now = int(world.now())
    claims = {
        "aud": client, "iss": f"{LOGIN}/{TENANT}/v2.0", "tid": TENANT, "sub": _SUBJECT,
        "oid": _SUBJECT, "preferred_username": PERSON, "iat": now, "nbf": now, "exp": now + 3600,
        "ver": "2.0",
    }  # fmt: skip
    return jwt.encode(claims, KEY, algorithm="HS256")


def _client_info() -> str:
    text = json.dumps({"uid": _SUBJECT, "utid": TENANT})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
