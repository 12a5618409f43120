"""Waiting for an endpoint to become what was asked for."""

from __future__ import annotations

import time

from fmtui.serving import control
from fmtui.serving.definition import Deployment, EndpointFolder
from registry.errors import ConflictError, RunFailedError


def wait_healthy(folder: EndpointFolder, *, seconds: float) -> None:
    """Until the endpoint is healthy. Raises RunFailedError, or ConflictError for a taken port."""
    deadline = time.monotonic() + seconds
    while True:
        definition = folder.definition()
        now = control.observe(folder, definition)
        if now.state == "healthy":
            return
        broken = (
            now.state == "unhealthy"
            and now.status is not None
            and any(d.state == "failed" for d in now.status.deployments.values())
        )
        if now.state == "failed":
            control.check_address(definition.host, definition.port)
        if now.state in ("failed", "stopped", "deleting") or broken:
            raise _failed(folder, f"endpoint `{folder.name}` is {now.state}: {now.reason}")
        if time.monotonic() > deadline:
            raise _failed(
                folder,
                f"endpoint `{folder.name}` is {now.state} after {seconds:g} s: {now.reason}",
            )
        time.sleep(0.05)


def wait_deployed(folder: EndpointFolder, deployment: Deployment, seconds: float) -> None:
    """Until the server says that it loaded this very revision.

    Raises RunFailedError when it did not, ConflictError when another command replaced it or
    another program took the port.
    """
    deadline = time.monotonic() + seconds
    what = f"{folder.name}/{deployment.name}"
    while True:
        definition = folder.definition()
        wanted = definition.deployment(deployment.name)
        if wanted is None or wanted.revision != deployment.revision:
            raise ConflictError(f"another command replaced {what} meanwhile")
        server, status = folder.server(), folder.status()
        if server is not None and status is not None and status.pid == server.pid:
            reached = status.deployments.get(deployment.name)
            if reached is not None and reached.revision == deployment.revision and server.alive():
                if reached.state == "healthy":
                    return
                if reached.state == "failed":
                    raise _failed(folder, f"{what} did not load: {reached.error}")
        if failure := folder.failure():
            control.check_address(definition.host, definition.port)
            raise _failed(folder, f"{what} did not load: {failure}")
        if time.monotonic() > deadline:
            raise _failed(folder, f"{what} was not ready within {seconds:g} s")
        time.sleep(0.05)


def wait_generation(folder: EndpointFolder, generation: int, seconds: float = 5.0) -> None:
    """Until a change is in force; an endpoint that does not run takes it when it starts."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        server, status = folder.server(), folder.status()
        if server is None or not server.alive():
            return
        if status is not None and status.pid == server.pid and status.generation >= generation:
            return
        time.sleep(0.02)


def _failed(folder: EndpointFolder, message: str) -> RunFailedError:
    return RunFailedError(message, hint=f"See `fmtui endpoint logs {folder.name}`.")
