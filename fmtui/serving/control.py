"""How an endpoint's processes are started, told, proved and ended. No registry, no model."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import time
from dataclasses import dataclass

from fmtui.runs.process import end_group, is_locked, spawn_detached
from fmtui.serving.definition import Definition, EndpointFolder, Status
from registry.errors import BadInputError, ConflictError

LIVENESS_SECONDS = 2.0
"""How long a server may take to say that it lives."""


@dataclass(frozen=True, slots=True)
class Observation:
    """An endpoint as it is now: its state, why, and what its server says of the deployments."""

    state: str
    reason: str | None
    status: Status | None


def observe(folder: EndpointFolder, definition: Definition) -> Observation:
    """Find out how an endpoint is from its processes and from asking it, never from a row."""
    if definition.wanted == "deleted":
        return Observation("deleting", "its deletion was interrupted: delete it again", None)
    starting = Observation(
        "updating" if definition.deployments else "creating", "the server is starting", None
    )
    server = folder.server()
    if server is not None and server.alive():
        status = folder.status()
        if status is None or status.pid != server.pid:
            return starting
        if not answers(definition):
            return Observation("unhealthy", "the server lives but does not answer", status)
        return _serving(definition, status)
    if definition.wanted == "stopped":
        return Observation("stopped", None, None)
    if failure := folder.failure():
        return Observation("failed", failure, None)
    if server is not None and _supervised(folder):
        return Observation("unhealthy", "the server ended and is being started again", None)
    if is_locked(folder.supervisor_lock) or is_locked(folder.server_lock):
        return starting
    reason = "its processes are gone: they were killed, or the machine was started again"
    return Observation("failed", reason, None)


def _supervised(folder: EndpointFolder) -> bool:
    supervisor = folder.supervisor()
    return supervisor is not None and supervisor.alive()


def _serving(definition: Definition, status: Status) -> Observation:
    """The state of an endpoint whose server answers: as good as its deployments."""
    for deployment in definition.deployments:
        reached = status.deployments.get(deployment.name)
        if reached is None or reached.state == "loading" or reached.revision != deployment.revision:
            return Observation("updating", f"{deployment.name} is loading", status)
    for deployment in definition.deployments:
        reached = status.deployments[deployment.name]
        if reached.state != "healthy":
            reason = f"{deployment.name} {reached.state}: {reached.error}"
            return Observation("unhealthy", reason, status)
    return Observation("healthy", None, status)


def answers(definition: Definition, *, timeout: float = LIVENESS_SECONDS) -> bool:
    """Whether `GET /` is answered."""
    connection = http.client.HTTPConnection(
        reachable_host(definition.host), definition.port, timeout=timeout
    )
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable_host(host: str) -> str:
    """The address to ask at: a server that is bound to every address is asked at loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def ensure_running(folder: EndpointFolder) -> None:
    """Start a supervisor unless one lives; it adopts a server that still serves."""
    deadline = time.monotonic() + 10
    # One that is about to end has taken its identity away but holds its lock yet.
    while is_locked(folder.supervisor_lock) and time.monotonic() < deadline:
        if _supervised(folder):
            return
        time.sleep(0.01)
    folder.failure_file.unlink(missing_ok=True)
    spawn_detached("fmtui.serving.supervisor", [str(folder.path)], log=folder.log, cwd=folder.path)
    while not _supervised(folder) and not folder.failure() and time.monotonic() < deadline:
        time.sleep(0.02)


def notify(folder: EndpointFolder) -> None:
    """Tell the server that the definition or the keys changed. A new one reads them anyway."""
    server = folder.server()
    if server is not None:
        server.signal(signal.SIGHUP)


def end(folder: EndpointFolder, *, grace: float = 10.0) -> None:
    """End the supervisor, then the server; requests in progress get `grace` seconds.

    Raises ConflictError when a process that holds the endpoint can't be ended.
    """
    deadline = time.monotonic() + grace + 10
    while is_locked(folder.supervisor_lock) or is_locked(folder.server_lock):
        # The supervisor first, or it would start the server again.
        for identity in (folder.supervisor(), folder.server()):
            if identity is not None and identity.alive():
                end_group(identity, grace=grace)
        if time.monotonic() > deadline:
            raise ConflictError(
                f"a process of endpoint `{folder.name}` does not end",
                hint=f"See {folder.log}, end it by hand, and try again.",
            )
        time.sleep(0.02)


def check_address(host: str, port: int) -> None:
    """Really bind, to learn now what a server would learn later.

    Raises ConflictError when the port is taken, BadInputError when it or the host can't be used.
    """
    try:
        bind(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(
                f"port {port} is in use by another program",
                hint="Choose another with --port, or leave it out to get a free one.",
            ) from error
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise BadInputError(
            f"can't listen on {host} port {port}: {reason}",
            hint="Use an address of this machine and a port from 1024 to 65535.",
        ) from error


def free_port(host: str, taken: set[int]) -> int:
    """A port that nobody listens on and that is not in `taken`."""
    while True:
        try:
            with bind(host, 0) as listener:
                port = int(listener.getsockname()[1])
        except OSError as error:
            raise BadInputError(
                f"can't listen on {host}: {error.strerror or error}",
                hint="Use an address of this machine.",
            ) from error
        if port not in taken:
            return port


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, as the server binds it. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # A port stays usable for the next server while the last one's connections fade.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener
