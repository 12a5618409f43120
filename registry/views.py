"""What readers get: small frozen records with the shapes that `--json` promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class ModelFileInfo:
    path: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A registered model version. `run` is the one that made it, `parent` what it was made of."""

    id: int
    ref: str
    name: str
    version: int
    task: str | None
    architecture: str | None
    model_type: str | None
    parameters: int | None
    size_bytes: int
    license: str | None
    origin: str
    revision: str | None
    parent: str | None
    run: str | None
    path: str
    created: str
    verified: str | None
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str | None = None

    @property
    def state(self) -> str:
        """`verified` once its files were hashed against what was recorded, else `registered`."""
        return "verified" if self.verified else "registered"

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "name": self.name,
            "version": self.version,
            "task": self.task,
            "architecture": self.architecture,
            "model_type": self.model_type,
            "parameters": self.parameters,
            "size_bytes": self.size_bytes,
            "license": self.license,
            "origin": self.origin,
            "revision": self.revision,
            "parent": self.parent,
            "run": self.run,
            "state": self.state,
            "path": self.path,
            "created": self.created,
            "labels": list(self.labels),
            "tags": list(self.tags),
            "note": self.note,
            "verified": self.verified,
        }


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is. `stage` is one of asking, downloading, copying, checking.

    `done` and `total` are bytes over all files; `total` is 0 while it is not known. `rate` is
    bytes a second, `seconds_left` what remains at that rate; None before it can be told.
    """

    stage: str
    file: str
    done: int
    total: int
    rate: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """A model version's files against what was recorded: names that are gone or differ."""

    ref: str
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.missing and not self.changed

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "ok": self.ok,
            "missing": list(self.missing),
            "changed": list(self.changed),
        }


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A registered version of data; `roles` maps a role to a column where a person set it."""

    id: int
    ref: str
    name: str
    version: int
    path: str
    fingerprint: str
    rows: int
    columns: tuple[str, ...]
    roles: dict[str, str]
    splits: dict[str, int]
    size_bytes: int
    source: str
    created: str

    def as_json(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "name": self.name,
            "version": self.version,
            "rows": self.rows,
            "columns": list(self.columns),
            "roles": self.roles,
            "fingerprint": self.fingerprint,
            "splits": self.splits,
            "size_bytes": self.size_bytes,
            "source": self.source,
            "path": self.path,
            "created": self.created,
        }


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The registry's row of a run; `fmtui.runs` knows how it is right now.

    `away` are the seconds between its first start and its end in which it did not run.
    """

    id: int
    kind: str
    backend: str
    task: str | None
    state: str
    name: str | None
    model: str | None
    data: str | None
    output: str | None
    metrics: dict[str, float] = field(default_factory=dict)
    created: str = ""
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    tags: tuple[str, ...] = ()
    away: float = 0.0

    @property
    def seconds(self) -> float | None:
        """How long it has run, to the millisecond: until its end, or until now; None where it has
        not begun."""
        if not self.started:
            return None
        try:
            end = datetime.fromisoformat(self.ended) if self.ended else datetime.now(UTC)
            whole = (end - datetime.fromisoformat(self.started)).total_seconds()
        except (ValueError, TypeError):  # of the journal of a run that came in a bundle
            return None
        return round(max(whole - self.away, 0.0), 3)

    @property
    def run(self) -> str:
        return f"r{self.id}"

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "kind": self.kind,
            "state": self.state,
            "backend": self.backend,
            "task": self.task,
            "name": self.name,
            "model": self.model,
            "data": self.data,
            "output": self.output,
            "metrics": self.metrics,
            "created": self.created,
            "started": self.started,
            "ended": self.ended,
            "seconds": self.seconds,
            "error": self.error,
            "tags": list(self.tags),
        }


class MetricPoint(NamedTuple):
    """What was measured once; a tuple, since there may be millions of them."""

    step: int
    epoch: float | None
    split: str
    name: str
    value: float

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "epoch": self.epoch,
            "split": self.split,
            "name": self.name,
            "value": self.value,
        }


@dataclass(frozen=True, slots=True)
class DeploymentInfo:
    name: str
    model: str
    state: str
    traffic: int
    error: str | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    mirror: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": self.model,
            "state": self.state,
            "traffic": self.traffic,
            "error": self.error,
        } | (
            {}
            if self.instance_type is None
            else {
                "mirror": self.mirror,
                "instance_type": self.instance_type,
                "instance_count": self.instance_count,
            }
        )


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """An endpoint; `state` is what was last written, the services prove it from the process.

    `address` is where one in Azure is reached; of `kind` batch is one that answers files by jobs.
    """

    id: int
    name: str
    target: str
    state: str
    host: str | None
    port: int | None
    created: str
    deployments: tuple[DeploymentInfo, ...] = ()
    error: str | None = None
    address: str | None = None
    kind: str = "online"

    @property
    def url(self) -> str | None:
        if self.address is not None:
            return self.address
        if self.host is None or self.port is None:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def as_json(self) -> dict[str, Any]:
        return {
            "endpoint": self.name,
            "target": self.target,
            "kind": self.kind,
            "state": self.state,
            "url": self.url,
            "deployments": [d.as_json() for d in self.deployments],
            "created": self.created,
            "error": self.error,
        }
