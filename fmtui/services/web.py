"""The TUI in a browser: textual-serve, for whoever has the key that is printed, and nobody else.

Anybody on the machine can reach a loopback port, and the TUI can do all that its person can. So
every request needs the key, and a socket opens only for a page of this very server: another page
in the same browser can't open one.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fmtui.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from aiohttp import web

LOOPBACK = "127.0.0.1"
_KEY = "key"
_COOKIE = "fmtui-key-{port}"

Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


def serve(host: str, port: int, *, told: Callable[[str], None], url: str | None = None) -> None:
    """Serve until SIGINT or SIGTERM; a session a page.

    Args:
        host: What to bind to.
        port: 0 takes a free one.
        told: Called with the address to open, key included, once it is bound.
        url: Where people find this server, when it stands behind a proxy.

    Raises:
        ConflictError: the port is taken.
        UsageError: there is no such address here.
    """
    from aiohttp.web import run_app
    from textual_serve.server import Server

    port = _bindable(host, port)
    key = secrets.token_urlsafe(24)
    public = (url or f"http://{f'[{host}]' if ':' in host else host}:{port}").rstrip("/")

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(_guard(key, public, _COOKIE.format(port=port)))
            return app

        async def on_startup(self, app: web.Application) -> None:
            """No banner: what is printed is the address alone."""

    server = Guarded(
        shlex.join([sys.executable, "-m", "fmtui"]),
        host=host,
        port=port,
        title="fmtui",
        public_url=public,
        templates_path=Path(__file__).parent / "web_page",
    )
    # Its own `serve` writes requests down, whose addresses hold the key.
    run_app(
        server._make_app(),
        host=host,
        port=port,
        access_log=None,
        print=lambda *_: told(f"{public}/?{_KEY}={key}"),  # called once it listens
    )


def _guard(key: str, public: str, cookie: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    from aiohttp import web

    def ours(request: web.Request) -> bool:
        """Whether a page of this server asks, under whatever name the browser reached it."""
        page = urlsplit(request.headers.get("Origin", "")).netloc
        return page in (request.host, urlsplit(public).netloc)

    def good(value: str | None) -> bool:
        return value is not None and hmac.compare_digest(value.encode(), key.encode())

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if good(request.query.get(_KEY)):
            # The key leaves the address: addresses are kept in histories and shown on screens.
            page = web.HTTPFound("/")
            page.set_cookie(cookie, key, httponly=True, samesite="Strict")
            raise page
        if not good(request.cookies.get(cookie)):
            raise web.HTTPForbidden(text="Open the address that `fmtui web` printed.\n")
        if request.path == "/ws" and not ours(request):
            raise web.HTTPForbidden(text="Another server's page may not open this.\n")
        return await handler(request)

    return guard


def _bindable(host: str, port: int) -> int:
    """The port, found where it is 0, that can be bound."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"no address `{host}`: {error.strerror or error}") from error
    with socket.socket(info[0], socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(info[4])
        except OverflowError:
            raise UsageError(f"{port} is no port") from None
        except OSError as error:
            raise ConflictError(
                f"{host}:{port} can't be bound: {error.strerror}", hint="Choose another --port."
            ) from error
        return int(probe.getsockname()[1])
