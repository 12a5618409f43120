"""The token endpoint: what azure-identity asks for a client secret, and who may ask the service."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs

import jwt

from tests.azure.standin.http import Answer, RefusalError, Request, Router
from tests.azure.standin.world import API, LOGIN, MANAGEMENT, RESOURCE, TENANT, World

router = Router()
_KEY = uuid.uuid4().hex * 2
_AUDIENCES = (
    MANAGEMENT,
    RESOURCE,
    API,
    "https://ml.azure.com",
)  # the last is the SDK's own for discovery


@router.on("GET", "/{tenant}/v2.0/.well-known/openid-configuration")
def configuration(world: World, request: Request, tenant: str) -> Answer:
    where = f"{LOGIN}/{tenant}"
    return Answer(
        200,
        {
            "issuer": f"{where}/v2.0",
            "authorization_endpoint": f"{where}/oauth2/v2.0/authorize",
            "token_endpoint": f"{where}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{where}/oauth2/v2.0/devicecode",
        },
    )


@router.on("POST", "/{tenant}/oauth2/v2.0/token")
def token(world: World, request: Request, tenant: str) -> Answer:
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
    client = form.get("client_id", "")
    if tenant != TENANT:
        return _no("AADSTS90002", f"Tenant '{tenant}' not found.", "invalid_request")
    if client not in world.secrets:
        return _no("AADSTS700016", f"Application '{client}' was not found.", "unauthorized_client")
    if form.get("client_secret") != world.secrets[client]:
        return _no("AADSTS7000215", "Invalid client secret provided.", "invalid_client")
    audience = form.get("scope", "").removesuffix("/.default")
    return Answer(
        200,
        {
            "token_type": "Bearer",
            "expires_in": world.token_seconds,
            "ext_expires_in": world.token_seconds,
            "access_token": issue(world, audience, client),
        },
    )


def issue(world: World, audience: str, client: str) -> str:
    """A token as the real one is: a signed JWT with audience, tenant and times."""
    now = int(world.now() + world.clock_skew)
    made = jwt.encode(
        {
            "aud": audience, "iss": f"{LOGIN}/{TENANT}/", "tid": TENANT, "oid": str(uuid.uuid4()),
            "appid": client, "iat": now, "nbf": now, "exp": now + world.token_seconds,
            "name": "tests",
        },
        _KEY,
        algorithm="HS256",
    )  # fmt: skip
    world.issued.append(made)
    return made


def _no(code: str, words: str, error: str) -> Answer:
    trace = f"{code}: {words} Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()}"
    numbers = [int(code.removeprefix("AADSTS"))]
    body = {"error": error, "error_description": trace, "error_codes": numbers}
    return Answer(400 if error == "invalid_request" else 401, body)


def check(world: World, request: Request) -> None:
    """Refuse who has no token, or one that is old or meant for somebody else."""
    if not request.token:
        headers = {"WWW-Authenticate": f'Bearer authorization_uri="{LOGIN}/{TENANT}"'}
        raise RefusalError(401, "AuthenticationFailed", "Authentication failed.", headers=headers)
    try:
        claims = jwt.decode(
            request.token, _KEY, algorithms=["HS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_aud": False,
                     "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise RefusalError(401, "InvalidAuthenticationToken", "The token is invalid.") from error
    if claims["exp"] <= world.now() + world.clock_skew:
        raise RefusalError(
            401, "ExpiredAuthenticationToken", "The access token expiry time is past."
        )
    if claims["aud"].rstrip("/") not in _AUDIENCES:
        raise RefusalError(401, "InvalidAuthenticationTokenAudience", "The token is for another.")
