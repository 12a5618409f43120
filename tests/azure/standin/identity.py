"""The managed identity's endpoint, which a machine of Azure's has on loopback.

Two kinds, as Microsoft describes them: that of virtual machines (IMDS), and that of App Service,
functions and containers, which wants the secret header that its environment names.
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
https://learn.microsoft.com/azure/app-service/overview-managed-identity
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.azure.standin.http import Json
from tests.azure.standin.tokens import issue
from tests.azure.standin.world import World

IMDS = "/metadata/identity/oauth2/token"
APP_SERVICE = "/msi/token"


class Identity:
    """`client` is the user-assigned identity's, None for the system's; `asked` what came in.

    With `absent` the machine has no identity.
    """

    def __init__(self, world: World, client: str | None) -> None:
        self.world, self.client, self.absent = world, client, False
        self.header = f"header~{uuid.uuid4().hex}"
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def virtual_machine(self) -> dict[str, str]:
        """The environment in which azure-identity asks here and not at 169.254.169.254."""
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.url, "NO_PROXY": "127.0.0.1"}

    def app_service(self) -> dict[str, str]:
        return {
            "IDENTITY_ENDPOINT": self.url + APP_SERVICE,
            "IDENTITY_HEADER": self.header,
            "NO_PROXY": "127.0.0.1",
        }

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, Json]:
        self.asked.append(path)
        if path == IMDS and headers.get("metadata") != "true":
            return 400, {"error": "bad_request_102", "error_description": "Required metadata header"
                         " not specified"}  # fmt: skip
        if path == APP_SERVICE and headers.get("x-identity-header") != self.header:
            return 401, {"statusCode": 401, "message": "The header is not valid."}
        if path == APP_SERVICE and query.get("client_id") != self.client:
            words = "No User Assigned or Delegated Managed Identity found for specified ClientId."
            return 400, {"statusCode": 400, "message": words}
        if self.absent or query.get("client_id") != self.client:
            return 400, {"error": "invalid_request", "error_description": "Identity not found"}
        with self.world.lock:
            token = issue(self.world, query["resource"], self.client or "system")
            seconds = self.world.token_seconds
        whole: Json = {
            "access_token": token, "resource": query["resource"], "token_type": "Bearer",
            "expires_on": str(int(self.world.now()) + seconds),
        }  # fmt: skip
        return 200, whole | ({"expires_in": str(seconds)} if path == IMDS else {})


def _handler(identity: Identity) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query))
            status, body = identity.answer(parts.path, query, headers)
            content = json.dumps(body).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    return Handler


@contextmanager
def serving(world: World, client: str | None = None) -> Iterator[Identity]:
    identity = Identity(world, client)
    thread = threading.Thread(
        target=identity.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield identity
    finally:
        identity.server.shutdown()
        identity.server.server_close()
        thread.join()
