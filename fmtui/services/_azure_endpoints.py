"""What is kept here of endpoints in Azure: where each lies, how it was, what was begun on it."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmtui.errors import BadInputError, ConflictError, FmtuiError, RemoteError
from fmtui.runs.process import write_json
from fmtui.services._azure_serverless import made_by_living, resume
from fmtui.services.context import Context
from registry.references import unknown
from registry.views import DeploymentInfo, EndpointInfo

if TYPE_CHECKING:
    from fmtui.azure.connection import Connection
    from fmtui.azure.endpoints import Online

_IN_FLIGHT_SECONDS = 60.0
"""So long after its maker was killed a request may still be on its way."""


def owns(ctx: Context, name: str) -> bool:
    """Whether an endpoint of that name lies in Azure, as far as is known here."""
    return file_of(ctx, name).exists()


def file_of(ctx: Context, name: str) -> Path:
    return ctx.home.root / "azure-endpoints" / f"{name}.json"


def names(ctx: Context) -> list[str]:
    """Every endpoint in Azure that is known here."""
    return sorted(path.stem for path in (ctx.home.root / "azure-endpoints").glob("*.json"))


def record_of(ctx: Context, name: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(file_of(ctx, name).read_text(encoding="utf-8"))
        return value
    except FileNotFoundError:
        raise unknown("endpoint", name, names(ctx)) from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"can't be read: {error}", file=str(file_of(ctx, name))) from error


def write(ctx: Context, name: str, record: Mapping[str, Any]) -> None:
    file_of(ctx, name).parent.mkdir(parents=True, exist_ok=True)
    write_json(file_of(ctx, name), dict(record))


def change(ctx: Context, name: str, edit: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Write what `edit` makes of the file as it is now; nobody else writes meanwhile.

    Raises NotFoundError where the endpoint was forgotten.
    """
    folder = file_of(ctx, name).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write(ctx, name, edit(record_of(ctx, name)))


def drop(ctx: Context, name: str) -> None:
    """Forget an endpoint."""
    for suffix in (".json", ".log"):
        file_of(ctx, name).with_suffix(suffix).unlink(missing_ok=True)


def begin(ctx: Context, name: str, what: Mapping[str, Any] | None) -> None:
    """Note what is begun on an endpoint; None: nothing is under way any more."""
    change(ctx, name, lambda record: {**record, "pending": what})


def kind_of(ctx: Context, name: str) -> str:
    """online, batch or serverless."""
    return str(record_of(ctx, name).get("kind") or "online")


def is_batch(ctx: Context, name: str) -> bool:
    """Whether it answers files by jobs rather than requests at once."""
    return kind_of(ctx, name) == "batch"


def only(ctx: Context, name: str, kinds: tuple[str, ...], what: str) -> None:
    """Raise ConflictError with what an endpoint of another kind than these has not."""
    if (kind := kind_of(ctx, name)) not in kinds:
        hint = {
            "batch": f"`fmtui batch invoke {name} --data FILE` starts a job: a run, with a log.",
            "serverless": "Its one model is run by its publisher and paid for by token.",
        }
        raise ConflictError(f"{name} is a {kind} endpoint: it has no {what}", hint=hint.get(kind))


def verbs_of(ctx: Context, name: str) -> Any:
    """The module that speaks to the service of an endpoint's kind."""
    from fmtui.azure import batch, endpoints, serverless

    return {"batch": batch, "serverless": serverless}.get(kind_of(ctx, name), endpoints)


def connection_of(ctx: Context, name: str) -> Connection:
    from fmtui.azure.connection import connect

    return connect(ctx.home, dict(record_of(ctx, name).get("given") or {}))


def unfinished(ctx: Context) -> list[str]:
    """The endpoints on which something was begun, and is not known to have ended."""
    found = []
    for name in names(ctx):
        with suppress(FmtuiError):  # one that can't be read has its own sentence in the list
            if record_of(ctx, name).get("pending"):
                found.append(name)
    return found


def is_gone(ctx: Context, name: str) -> bool:
    """Whether an endpoint that is noted here is neither in its workspace nor on its way there.

    Raises RemoteError when Azure can't be asked.
    """
    begun = record_of(ctx, name).get("pending") or {}
    if begun.get("maker"):  # what it asked for can be asked for again, under the same names
        if made_by_living(begun):
            return False
    elif time.time() - begun.get("since", 0) < _IN_FLIGHT_SECONDS:
        return False
    return verbs_of(ctx, name).look(connection_of(ctx, name), name) is None


class Pending:
    """What is begun on an endpoint stands in its file until the block ends well or is refused."""

    def __init__(self, ctx: Context, name: str, **what: Any) -> None:
        self.ctx, self.name, self.what = ctx, name, {"since": time.time(), **what}

    def __enter__(self) -> None:
        begin(self.ctx, self.name, self.what)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After an interrupt or a fault of the network Azure may still be at it.
        if kind is None or (
            issubclass(kind, FmtuiError)
            and kind is not FmtuiError
            and not issubclass(kind, RemoteError)
        ):
            begin(self.ctx, self.name, None)


def go_on(
    ctx: Context, name: str, record: dict[str, Any], found: Online | None
) -> tuple[dict[str, Any], Online | None]:
    """Finish what a killed process left: clear what is done, share the traffic that was meant."""
    verbs = verbs_of(ctx, name)
    pending = record.get("pending")
    if not pending or (time.time() - pending["since"] < _IN_FLIGHT_SECONDS and found is None):
        return record, found
    if found is None and made_by_living(pending):
        return record, found
    if found is None and pending["what"] == "create" and pending.get("model"):
        under_way, found = resume(connection_of(ctx, name), name, pending)
        return (record if under_way else {**record, "pending": None}), found
    made = {d.name: d.state for d in found.deployments} if found else {}
    state = made.get(pending["deployment"]) if pending["what"] == "deploy" else (
        found.state if found else None
    )  # fmt: skip
    if state in ("creating", "updating", "deleting"):
        return record, found
    if state is None and time.time() - pending["since"] < _IN_FLIGHT_SECONDS:
        return record, found
    traffic = pending.get("traffic")
    if pending["what"] == "deploy" and state == "healthy" and traffic and found is not None:
        now_shared = {d.name: d.traffic for d in found.deployments if d.traffic}
        if not now_shared:
            shares = {n: share for n, share in traffic.items() if n in made}
            verbs.share(connection_of(ctx, name), name, shares, {}, lambda _: None)
            found = verbs.look(connection_of(ctx, name), name)
    return {**record, "pending": None}, found


def info_of(name: str, record: Mapping[str, Any], found: Online | None) -> EndpointInfo:
    pending, kind = record.get("pending") or {}, record.get("kind") or "online"
    if found is None:
        creating = pending.get("what") == "create"
        state = "creating" if creating else "failed"
        error = None if creating else "the workspace has no such endpoint (any more)"
        return EndpointInfo(0, name, "azureml", state, None, None, record.get("created", ""),
                            error=error, kind=kind)  # fmt: skip
    return EndpointInfo(
        0, name, "azureml", _whole_state(found), None, None, record.get("created", ""),
        tuple(
            DeploymentInfo(d.name, d.model, d.state, d.traffic, None, d.instance_type,
                           d.instance_count, d.mirror)
            for d in found.deployments
        ),
        address=found.address.removesuffix("/score"),
        kind=kind,
    )  # fmt: skip


def _whole_state(found: Online) -> str:
    states = {d.state for d in found.deployments}
    if found.state != "healthy":
        return found.state
    return next((s for s in ("creating", "updating", "deleting") if s in states), found.state)


def last_seen(ctx: Context, name: str) -> EndpointInfo:
    """An endpoint as it was when somebody last looked; Azure is not asked."""
    try:
        record = record_of(ctx, name)
    except FmtuiError as error:
        return EndpointInfo(0, name, "azureml", "failed", None, None, "", error=str(error))
    seen, kind = record.get("seen"), record.get("kind") or "online"
    if not seen:
        created = record.get("created", "")
        return EndpointInfo(0, name, "azureml", "creating", None, None, created, kind=kind)
    deployments = tuple(
        DeploymentInfo(
            d["name"], d["model"], d["state"], d["traffic"], d.get("error"),
            d.get("instance_type"), d.get("instance_count"), d.get("mirror", 0),
        )
        for d in seen["deployments"]
    )  # fmt: skip
    state = "updating" if record.get("pending") else seen["state"]
    return EndpointInfo(0, name, "azureml", state, None, None, seen["created"], deployments,
                        seen.get("error"), seen.get("url"), kind)  # fmt: skip
