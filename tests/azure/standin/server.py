"""The stand-in itself: TLS on loopback, reached by its names through its proxy."""

from __future__ import annotations

import json
import re
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.azure.azurite import Store
from tests.azure.standin import (
    accounts,
    arm,
    assets,
    batch,
    deployments,
    endpoints,
    history,
    jobs,
    marketplace,
    registry,
    scoring,
    serverless,
    tokens,
    workspace,
)
from tests.azure.standin.certificates import Certificates
from tests.azure.standin.http import Answer, RefusalError, Request
from tests.azure.standin.proxy import Proxy
from tests.azure.standin.world import (
    DOMAIN,
    GROUP,
    LOGIN,
    MANAGEMENT,
    REGISTRY,
    RESOURCE,
    SUBSCRIPTION,
    TENANT,
    WORKSPACE,
    Exchange,
    World,
)

_ROUTERS = (
    arm, workspace, assets, registry, jobs, history, endpoints, deployments, batch, serverless,
    marketplace,
)  # fmt: skip
_OPEN = re.compile(r"/discovery|/logs/")  # signed addresses, and one that needs no signature
NAMES = [f"*.{DOMAIN}", f"*.inference.{DOMAIN}", f"*.blob.core.{DOMAIN}", "localhost"]


class StandIn:
    """The service. `world` is its state; `environment` is all that a client needs to reach it."""

    def __init__(self, folder: Path, made: Certificates) -> None:
        self.world = World()
        self.certificates = made
        folder.mkdir(parents=True, exist_ok=True)
        self.cloud = folder / "cloud.json"
        self.cloud.write_text(json.dumps(cloud_metadata()))
        self._server = _Server(self)
        self.proxy = Proxy(self._port_of)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def _port_of(self, host: str) -> int | None:
        if host.endswith(f".blob.core.{DOMAIN}"):
            return self.world.blob_port
        return self._server.server_port if host.endswith(f".{DOMAIN}") else None

    @property
    def secret(self) -> str:
        return self.world.secrets["client-of-tests"]

    def use(self, store: Store) -> None:
        """Let this be the workspace's storage account."""
        self.world.blob_port, self.world.account_key = store.port, store.key
        self.world.account = store.account
        self.world.store_ca = str(self.certificates.ca)

    def environment(self) -> dict[str, str]:
        return {
            "FMTUI_AZURE_CLOUD_METADATA": str(self.cloud),
            "AZURE_AUTHORITY_HOST": LOGIN,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "client-of-tests",
            "AZURE_CLIENT_SECRET": self.secret,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZUREML_RESOURCE_GROUP": GROUP,
            "AZUREML_WORKSPACE": WORKSPACE,
            "REQUESTS_CA_BUNDLE": str(self.certificates.ca),
            "HTTPS_PROXY": self.proxy.url,
            "HTTP_PROXY": self.proxy.url,
            "NO_PROXY": "",
        }

    def close(self) -> None:
        self.proxy.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def cloud_metadata() -> dict[str, str]:
    """The cloud as the SDK's `cloud_metadata` names its parts."""
    return {
        "azure_portal": f"https://portal.{DOMAIN}",
        "resource_manager": MANAGEMENT,
        "active_directory": LOGIN,
        "aml_resource_id": RESOURCE,
        "storage_endpoint": f"core.{DOMAIN}",
        "registry_discovery_endpoint": f"{REGISTRY}/",
    }


@contextmanager
def running(folder: Path, made: Certificates) -> Iterator[StandIn]:
    stand_in = StandIn(folder, made)
    try:
        yield stand_in
    finally:
        stand_in.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.world = stand_in.world
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(stand_in.certificates.server, stand_in.certificates.key)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's acknowledgement
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *_: object) -> None: ...

    def _serve(self) -> None:
        world, request = self.server.world, self._request()
        try:
            answer = world.faults.apply(request, self._answer)
            handled = True
        except RefusalError as refusal:
            answer, handled = refusal.answer(), True
        except Exception as error:  # a fault of the stand-in: seen by the test that caused it
            answer = RefusalError(500, "StandInError", f"{type(error).__name__}: {error}").answer()
            handled = False
        answer.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        with world.lock:
            world.exchanges.append(Exchange(request, answer, handled))
        self._send(answer)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            self.command,
            (self.headers.get("Host") or "").partition(":")[0],
            unquote(parts.path),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length) if length else b"",
        )

    def _answer(self, request: Request) -> Answer:
        world = self.server.world
        if request.host == LOGIN.removeprefix("https://"):
            routers = [tokens.router, accounts.router]
        elif request.host.endswith(scoring.SUFFIX):
            routers = [scoring.router]
        else:
            if not _OPEN.match(request.path):
                tokens.check(world, request)
            routers = [module.router for module in _ROUTERS]
        for router in routers:
            found = router.find(request.method, request.path)
            if found:
                handler, names = found
                with world.lock:
                    arm.settle(world)
                    jobs.settle(world)
                    return handler(world, request, **names)
        raise RefusalError(404, "InvalidResourcePath", f"No route {request.method} {request.path}")

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.send_response_only(answer.status)
        answer.headers.setdefault("Date", self.date_time_string(self.server.world.clock()))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if answer.cut is None else body[: answer.cut])
        self.wfile.flush()
        if answer.cut is not None:
            self.close_connection = True
