"""The token endpoint: what azure-identity asks for, and who may ask the service."""

from __future__ import annotations

import uuid
from contextlib import suppress
from urllib.parse import parse_qs

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.azure.standin.http import Answer, RefusalError, Request, Router
from tests.azure.standin.world import API, LOGIN, MANAGEMENT, RESOURCE, TENANT, World

router = Router()
KEY = uuid.uuid4().hex * 2
AUDIENCES = (
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
    from tests.azure.standin import accounts

    form = form_of(request)
    if tenant not in (TENANT, "organizations"):
        return refusal("AADSTS90002", f"Tenant '{tenant}' not found.", "invalid_request")
    if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:device_code":
        return accounts.redeem(world, form)
    if form.get("grant_type") == "refresh_token":
        return accounts.refresh(world, form)
    return _application(world, form)


def form_of(request: Request) -> dict[str, str]:
    """What was posted as a form."""
    return {key: values[0] for key, values in parse_qs(request.body.decode()).items()}


def _application(world: World, form: dict[str, str]) -> Answer:
    """A token for an application with its secret."""
    client = form.get("client_id", "")
    if client not in world.secrets:
        words = f"Application '{client}' was not found."
        return refusal("AADSTS700016", words, "unauthorized_client")
    if "client_assertion" in form:
        return _by_certificate(world, client, form)
    if form.get("client_secret") in world.expired_secrets:
        words = f"The provided client secret keys for app '{client}' are expired."
        return refusal("AADSTS7000222", words, "invalid_client")
    if form.get("client_secret") != world.secrets[client]:
        return refusal("AADSTS7000215", "Invalid client secret provided.", "invalid_client")
    return _granted(world, client, form)


def _by_certificate(world: World, client: str, form: dict[str, str]) -> Answer:
    """A token for an application that signed its request with the key of its certificate."""
    certificate = world.client_certificates.get(client)
    if certificate is not None:
        key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
        assert isinstance(key, RSAPublicKey)
        with suppress(jwt.PyJWTError):
            jwt.decode(
                form["client_assertion"], key, algorithms=["RS256", "PS256"],
                audience=f"{LOGIN}/{TENANT}/oauth2/v2.0/token", issuer=client,
            )  # fmt: skip
            return _granted(world, client, form)
    words = "Client assertion contains an invalid signature. The key was not found."
    return refusal("AADSTS700027", words, "invalid_client")


def _granted(world: World, client: str, form: dict[str, str]) -> Answer:
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
    now = int(world.clock())
    made = jwt.encode(
        {
            "aud": audience, "iss": f"{LOGIN}/{TENANT}/", "tid": TENANT, "oid": str(uuid.uuid4()),
            "appid": client, "iat": now, "nbf": now, "exp": now + world.token_seconds,
            "name": "tests",
        },
        KEY,
        algorithm="HS256",
    )  # fmt: skip
    world.issued.append(made)
    return made


def refusal(code: str, words: str, error: str, *, status: int | None = None) -> Answer:
    """No token, as the identity platform says it."""
    trace = f"{code}: {words} Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()}"
    numbers = [int(code.removeprefix("AADSTS"))]
    body = {"error": error, "error_description": trace, "error_codes": numbers}
    return Answer(status or (400 if error == "invalid_request" else 401), body)


def check(world: World, request: Request) -> None:
    """Refuse who has no token, or one that is old or meant for somebody else."""
    if not request.token:
        raise _unauthorized("AuthenticationFailed", "Authentication failed.")
    try:
        claims = jwt.decode(
            request.token, KEY, algorithms=["HS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_aud": False,
                     "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise _unauthorized("InvalidAuthenticationToken", "The token is invalid.") from error
    if claims["exp"] <= world.clock():
        words = "The access token expiry time is past."
        raise _unauthorized("ExpiredAuthenticationToken", words, "invalid_token")
    if claims["aud"].rstrip("/") not in AUDIENCES:
        raise _unauthorized("InvalidAuthenticationTokenAudience", "The token is for another.")


def _unauthorized(code: str, words: str, error: str | None = None) -> RefusalError:
    challenge = f'Bearer authorization_uri="{LOGIN}/{TENANT}"'
    if error is not None:
        challenge += f', error="{error}", error_description="{words}"'
    return RefusalError(401, code, words, headers={"WWW-Authenticate": challenge})
