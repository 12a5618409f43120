"""An endpoint that answers with a script of the test's own; its processes end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmtui.services import endpoints
from fmtui.services.context import Context
from fmtui.serving import control
from fmtui.serving.definition import EndpointFolder
from tests.serving_tools import ECHO, Client, client_of, register_model

Serve = Callable[..., Client]


@pytest.fixture
def end_endpoints(ctx: Context) -> Iterator[None]:
    """No process of an endpoint outlives its test."""
    yield
    for path in ctx.home.endpoints.glob("*"):
        control.end(EndpointFolder(path), grace=0)


@pytest.fixture
def serve(ctx: Context, tmp_path: Path, end_endpoints: None) -> Serve:
    """`serve(script)`: the endpoint `bank` with deployment `blue` of model `toy`."""

    def make(script: str = ECHO) -> Client:
        path = tmp_path / "score.py"
        path.write_text(script)
        register_model(ctx, "toy")
        endpoints.create(ctx, "bank")
        endpoints.deploy(ctx, "bank", "toy", script=path, timeout=20)
        return client_of(ctx, "bank")

    return make
