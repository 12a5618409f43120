"""Endpoints in Azure as they are now: asked for, noted, and what was begun on them gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fmtui.services import azure
from fmtui.services._azure_endpoints import (
    change,
    connection_of,
    go_on,
    info_of,
    names,
    owns,
    record_of,
    verbs_of,
    write,
)
from fmtui.services._endpoints import names_of
from fmtui.services.context import Context
from registry.views import EndpointInfo

_FRESH_SECONDS = 3.0

_shown: dict[tuple[Path, str], tuple[float, EndpointInfo]] = {}


def forget(ctx: Context, name: str) -> None:
    """Ask anew at the next look."""
    _shown.pop((ctx.home.root, name), None)


def show(ctx: Context, name: str, *, fresh: bool = False) -> EndpointInfo:
    """An endpoint as Azure shows it now; what was begun and not ended is gone on with.

    Raises RemoteError when Azure can't be asked.
    """
    key = (ctx.home.root, name)
    known = _shown.get(key)
    if not fresh and known and time.monotonic() - known[0] < _FRESH_SECONDS:
        return known[1]
    before = record_of(ctx, name)
    found = verbs_of(ctx, name).look(connection_of(ctx, name), name)
    record, found = go_on(ctx, name, before, found)
    info = info_of(name, record, found)

    def seen(now: dict[str, Any]) -> dict[str, Any]:
        # What somebody began meanwhile stays noted.
        ended = not record.get("pending") and now.get("pending") == before.get("pending")
        return {**now, "seen": info.as_json()} | ({"pending": None} if ended else {})

    change(ctx, name, seen)
    _shown[key] = (time.monotonic(), info)
    return info


def list_endpoints(
    ctx: Context,
    given: Mapping[str, str | None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[EndpointInfo]:
    """The endpoints of the workspace as they are now, those made elsewhere too.

    Args:
        tell: Told of one that can't be shown, since an endpoint of this machine has its name.

    Raises RemoteError.
    """
    from fmtui.azure import batch, endpoints, serverless
    from fmtui.azure.connection import connect

    said = {key: value for key, value in (given or {}).items() if value}
    connection = connect(ctx.home, dict(said))
    here = names_of(ctx)
    kinds: tuple[tuple[str, Any], ...] = (
        ("online", endpoints), ("batch", batch), ("serverless", serverless),
    )  # fmt: skip
    for kind, verbs in kinds:
        for one in verbs.listed(connection):
            if owns(ctx, one.name):
                continue
            if one.name in here:
                tell(f"{one.name} of the workspace is left out: an endpoint here has that name")
                continue
            pinned = azure.pinned(connection.settings, said)
            record = {"given": pinned, "created": one.created, "pending": None, "seen": None}
            write(ctx, one.name, {**record, "kind": kind})
    mine = azure.pinned(connection.settings, said).get("workspace")
    wanted = [
        name for name in names(ctx)
        if (record_of(ctx, name).get("given") or {}).get("workspace") == mine
    ]  # fmt: skip
    return [show(ctx, name, fresh=True) for name in wanted]
