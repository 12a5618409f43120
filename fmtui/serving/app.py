"""The endpoint over HTTP: a raw ASGI application with the addresses of Azure ML's server.

POST /score         answers, for whoever has a key
GET  /              says that the server lives
GET  /swagger.json  describes /score
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fmtui.serving.batching import QueueFullError
from fmtui.serving.client import DEPLOYMENT_HEADER
from fmtui.serving.loader import Request, encode
from fmtui.serving.log import log, log_error
from fmtui.serving.router import Loaded, Router
from fmtui.serving.swagger import description

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_SECONDS = 30.0
"""How long a body may take to arrive."""

_METHODS = {"/": "GET, HEAD", "/score": "POST", "/swagger.json": "GET, HEAD"}
_DEPLOYMENT = DEPLOYMENT_HEADER.encode()


class RefusalError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str, headers: Headers | None = None):
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.headers = headers or []


class ClientGoneError(Exception):
    """Whoever asked does not wait for the answer."""


class App:
    """Answers with what `router` has loaded."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        headers: Headers
        try:
            status, body, headers = await self._answer(scope, receive)
        except RefusalError as refusal:
            status, body, headers = refusal.status, refusal.body, refusal.headers
        except ClientGoneError:
            log(f"{scope['method']} {scope['path'][:200]} – the client left")
            return
        content = b"text/plain; charset=utf-8" if scope["path"] == "/" else b"application/json"
        headers += [(b"content-type", content), (b"content-length", b"%d" % len(body))]
        if scope["path"] != "/":  # liveness is asked too often to be worth a line
            milliseconds = (time.perf_counter() - began) * 1000
            by = next((v.decode() for n, v in headers if n == _DEPLOYMENT), "-")
            log(f"{scope['method']} {scope['path'][:200]} {status} {by} {milliseconds:.1f} ms")
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {
                "type": "http.response.body",
                "body": b"" if scope["method"] == "HEAD" else body,
            }
        )

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, Headers]:
        path, method = scope["path"], scope["method"]
        if path not in _METHODS:
            raise RefusalError(404, "NotFound", "there is nothing here; requests go to POST /score")
        if method not in _METHODS[path].split(", "):
            allowed = _METHODS[path]
            raise RefusalError(
                405,
                "MethodNotAllowed",
                f"{path} takes {allowed}, not {method}",
                [(b"allow", allowed.encode())],
            )
        if path == "/":
            return 200, b"Healthy", []
        if path == "/swagger.json":
            return 200, json.dumps(description(self.router.definition)).encode(), []
        return await self._score(dict(scope["headers"]), receive)

    async def _score(
        self, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[int, bytes, Headers]:
        self._check_key(headers.get(b"authorization", b""))
        raw = await self._read(headers, receive)
        try:
            body = json.loads(raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RefusalError(400, "BadRequest", "the body is not UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise RefusalError(400, "BadRequest", f"the body is no JSON: {error}") from error
        loaded = self._pick(headers.get(_DEPLOYMENT))
        names: Headers = [(_DEPLOYMENT, loaded.deployment.name.encode())]
        try:
            future = loaded.batcher.submit(Request(raw, body))
        except QueueFullError as error:
            raise RefusalError(
                429,
                "TooManyRequests",
                f"too many requests wait for {loaded.deployment.name}",
                [*names, (b"retry-after", b"%d" % error.seconds)],
            ) from error
        answer = await _or_gone(future, receive)
        if isinstance(answer, Exception):
            raise _failure(answer, names)
        try:
            return 200, encode(answer), names
        except (TypeError, ValueError, RecursionError) as error:
            raise _failure(error, names) from error

    def _check_key(self, authorization: bytes) -> None:
        scheme, _, given = authorization.partition(b" ")
        keys = self.router.keys
        # Both are always compared, so that the time taken tells nothing.
        matches = [
            hmac.compare_digest(given.strip(), key.encode())
            for key in (keys.primary, keys.secondary)
        ]
        if scheme.lower() != b"bearer" or not given.strip() or not any(matches):
            message = "the key is wrong" if given else "a key is missing"
            raise RefusalError(
                401,
                "Unauthorized",
                f"{message}: send `Authorization: Bearer KEY`",
                [(b"www-authenticate", b"Bearer")],
            )

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self.router.definition.limits.body_bytes
        too_large = RefusalError(413, "PayloadTooLarge", f"the body is larger than {limit:,} bytes")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            raise too_large
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > limit:
                        raise too_large
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError as error:
            raise RefusalError(408, "RequestTimeout", "the body did not arrive in time") from error

    def _pick(self, header: bytes | None) -> Loaded:
        name = header.decode("latin-1") if header is not None else None
        loaded = self.router.pick(name)
        if loaded is not None:
            return loaded
        if self.router.loads(name):
            raise RefusalError(
                503,
                "ServiceUnavailable",
                f"{name or 'the endpoint'} is loading its model",
                [(b"retry-after", b"2")],
            )
        definition = self.router.definition
        if name is not None and definition.deployment(name) is None:
            raise RefusalError(404, "NotFound", f"there is no deployment {name!r}")
        if name is None and not any(d.traffic for d in definition.deployments):
            raise RefusalError(404, "NotFound", "no deployment of this endpoint has traffic")
        raise RefusalError(
            503, "ServiceUnavailable", f"{name or 'every deployment'} failed to load"
        )


def _failure(error: Exception, headers: Headers) -> RefusalError:
    """What a script raised, as an answer: its sentence if the request is at fault, else no more
    than that it failed; the log has the stack."""
    status = getattr(error, "status_code", 500)
    if isinstance(status, int) and 400 <= status < 500:
        return RefusalError(status, "BadRequest", str(error), headers)
    log_error(error)
    return RefusalError(500, "ScoringFailed", "the model failed on this request", headers)


async def _or_gone(future: asyncio.Future[Any], receive: Receive) -> Any:
    """The answer; cancels its future and raises ClientGoneError when the client leaves first."""
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        raise ClientGoneError
    finally:
        gone.cancel()
        future.cancel()
