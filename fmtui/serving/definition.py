"""An endpoint's folder: the one truth about what it serves, where, and whether it should run.

endpoint.json    what is wanted: address, deployments, traffic (`Definition`)
keys.json        the two keys, readable by the owner alone
status.json      what the server last reached (`Status`), written by the server
process.json     the server's identity; supervisor.json the supervisor's
failure.json     why the supervisor gave up, absent otherwise
log.txt          access lines and stack traces, appended by the processes themselves
deployments/     one folder a revision of a deployment, with its score.py
lock             held while endpoint.json is changed
server.lock, supervisor.lock
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fmtui.runs.process import Identity, locked, write_json
from registry.errors import ConflictError, NotFoundError

Wanted = Literal["running", "stopped", "deleted"]

_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model behind an endpoint. `revision` names its folder and changes with each deploy."""

    name: str
    revision: str
    model: str
    model_dir: str
    traffic: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes: requests that wait for a deployment, bytes of one body."""

    queue: int = 128
    body_bytes: int = 4_000_000


@dataclass(frozen=True, slots=True)
class Definition:
    """What an endpoint should be. `generation` grows with each change."""

    name: str
    host: str
    port: int
    created: str
    wanted: Wanted = "running"
    generation: int = 1
    deployments: tuple[Deployment, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def deployment(self, name: str) -> Deployment | None:
        return next((d for d in self.deployments if d.name == name), None)

    def with_deployment(self, deployment: Deployment) -> Definition:
        """The same with `deployment` in the place of the one of its name, or at the end."""
        if self.deployment(deployment.name) is None:
            return replace(self, deployments=(*self.deployments, deployment))
        return replace(
            self,
            deployments=tuple(
                deployment if d.name == deployment.name else d for d in self.deployments
            ),
        )

    def without_deployment(self, name: str) -> Definition:
        return replace(self, deployments=tuple(d for d in self.deployments if d.name != name))


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """How far the server came with one revision: `loading`, `healthy` or `failed`."""

    revision: str
    state: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What the server last wrote; it says something only while the process `pid` is the server."""

    pid: int
    generation: int
    deployments: dict[str, DeploymentStatus]


@dataclass(frozen=True, slots=True)
class EndpointFolder:
    """The paths of one endpoint, and how its files are read and written."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def definition_file(self) -> Path:
        return self.path / "endpoint.json"

    @property
    def keys_file(self) -> Path:
        return self.path / "keys.json"

    @property
    def status_file(self) -> Path:
        return self.path / "status.json"

    @property
    def failure_file(self) -> Path:
        return self.path / "failure.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def server_lock(self) -> Path:
        return self.path / "server.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.path / "supervisor.lock"

    @property
    def process_file(self) -> Path:
        return self.path / "process.json"

    @property
    def supervisor_file(self) -> Path:
        return self.path / "supervisor.json"

    @property
    def revisions(self) -> Path:
        return self.path / "deployments"

    def score_file(self, deployment: Deployment) -> Path:
        return self.revisions / deployment.revision / "score.py"

    def server(self) -> Identity | None:
        """The server's identity, dead or alive; None when none was ever written."""
        return Identity.load(self.process_file)

    def supervisor(self) -> Identity | None:
        return Identity.load(self.supervisor_file)

    def read(self) -> Definition | None:
        """What is wanted; None when there is no endpoint here."""
        values = _read_json(self.definition_file)
        if values is None:
            return None
        values["deployments"] = tuple(Deployment(**d) for d in values["deployments"])
        values["limits"] = Limits(**values["limits"])
        return Definition(**values)

    def definition(self) -> Definition:
        """What is wanted. Raises NotFoundError when there is no endpoint here."""
        definition = self.read()
        if definition is None:
            raise NotFoundError(f"no endpoint `{self.name}`")
        return definition

    def write(self, definition: Definition) -> None:
        write_json(self.definition_file, asdict(definition))

    @contextmanager
    def change(self) -> Iterator[Definition]:
        """Hold the endpoint's lock and give its definition, to `write` another one.

        Raises NotFoundError when it is gone, ConflictError when another change takes too long.
        """
        try:
            with locked(self.path / "lock"):
                yield self.definition()
        except FileNotFoundError as error:
            raise NotFoundError(f"no endpoint `{self.name}`") from error
        except TimeoutError as error:
            raise ConflictError(
                f"endpoint `{self.name}` is being changed by another command",
                hint="Try again when that one is done.",
            ) from error

    def status(self) -> Status | None:
        values = _read_json(self.status_file)
        if values is None:
            return None
        deployments = {n: DeploymentStatus(**d) for n, d in values["deployments"].items()}
        return Status(values["pid"], values["generation"], deployments)

    def write_status(self, status: Status) -> None:
        write_json(self.status_file, asdict(status))

    def failure(self) -> str | None:
        """Why the supervisor gave up."""
        values = _read_json(self.failure_file)
        return None if values is None else str(values["reason"])

    def last_line(self) -> str | None:
        """The last line of the log that says something, without its time, 300 characters of it."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - 8192))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return None
        return next((_TIME.sub("", x).strip()[:300] for x in reversed(lines) if x.strip()), None)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
