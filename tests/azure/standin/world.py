"""All that the stand-in knows: what it was given, what was made in it, and what it was asked."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.azure.standin.faults import Faults
from tests.azure.standin.http import Answer, Json, Request

if TYPE_CHECKING:
    from tests.azure.standin.accounts import Device

SUBSCRIPTION = "11111111-aaaa-4bbb-8ccc-222222222222"
GROUP = "rg-models"
WORKSPACE = "ws-models"
TENANT = "33333333-dddd-4eee-8fff-444444444444"
REGISTRY_SUBSCRIPTION = "55555555-aaaa-4bbb-8ccc-666666666666"
REGISTRY_GROUP = "rg-registry"
LOCATION = "westeurope"

DOMAIN = "standin.test"
MANAGEMENT = f"https://management.{DOMAIN}"
LOGIN = f"https://login.{DOMAIN}"
REGISTRY = f"https://registry.{DOMAIN}"
API = f"https://api.{DOMAIN}"
RESOURCE = f"https://ml.{DOMAIN}"


@dataclass
class Operation:
    """A long-running operation: in progress until `due`, then it succeeded or failed."""

    due: float
    error: Json | None = None
    finish: Any = None
    done: bool = False


@dataclass
class Exchange:
    """One request with its answer, as the contract check reads them."""

    request: Request
    answer: Answer
    handled: bool


@dataclass
class Asset:
    """All versions of a data asset, environment, component or model, the newest last."""

    name: str
    versions: dict[str, Json] = field(default_factory=dict)
    created: str = ""

    @property
    def latest(self) -> str:
        return next(reversed(self.versions))


@dataclass
class Job:
    """A pipeline job with the times at which it changes its state (seconds since the epoch).

    `leave` is called once, when it has completed: it writes what the job makes.
    """

    name: str
    body: Json
    created: float
    stages: list[tuple[float, str]]
    log: list[str]
    children: list[str] = field(default_factory=list)
    asked: bytes = b""
    error: Json | None = None
    canceled: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    leave: Callable[[], None] | None = None

    def status(self, now: float) -> str:
        if self.canceled is not None and not self.over(self.canceled):
            return "Canceled" if now >= self.canceled else "CancelRequested"
        return next(s for at, s in reversed(self.stages) if at <= now)

    def over(self, now: float) -> bool:
        return next(s for at, s in reversed(self.stages) if at <= now) in ("Completed", "Failed")


@dataclass
class Endpoint:
    """An online or batch endpoint with its deployments, as ARM shows them."""

    body: Json
    deployments: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    logs: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Offer:
    """What a publisher sells through the Azure Marketplace: a model, by token."""

    publisher: str
    offer: str
    plan: str


class World:
    """`pace` is how long (seconds) each stage of a job or operation lasts.

    `issued` are all access tokens that there were, `kept` all refresh tokens; `clock_skew` is by
    how much (seconds) the service's clock is ahead of this machine's.
    `quota` limits the cores of a family of instance types; `skus` are those of the region.
    `offers` are those of the marketplace, by the model's address in lower case; `no_purchase` says
    why nothing can be bought; `fulfilment` is how long (seconds) a publisher takes; `refuses_late`
    lets an endpoint fail whose model is not subscribed to, in place of refusing it at once.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.faults = Faults()
        self.exchanges: list[Exchange] = []
        self.pace = 0.02
        self.secrets = {"client-of-tests": f"secret~{uuid.uuid4().hex}"}
        self.expired_secrets: set[str] = set()
        self.client_certificates: dict[str, Path] = {}
        self.issued: list[str] = []
        self.devices: dict[str, Device] = {}
        self.device_seconds = 900
        self.refresh_tokens: dict[str, str] = {}
        self.kept: list[str] = []
        self.token_seconds = 3600
        self.clock_skew = 0.0
        self.registries: dict[str, dict[str, dict[str, Asset]]] = {}
        self.assets: dict[str, dict[str, Asset]] = {}
        self.computes: dict[str, Json] = {}
        self.jobs: dict[str, Job] = {}
        self.online: dict[str, Endpoint] = {}
        self.batch: dict[str, Endpoint] = {}
        self.serverless: dict[str, Endpoint] = {}
        self.offers: dict[str, Offer] = {}
        self.subscriptions: dict[str, Json] = {}
        self.fulfilled: dict[str, float] = {}
        self.fulfilment = 0.0
        self.no_purchase: str | None = None
        self.refuses_late = False
        self.operations: dict[str, Operation] = {}
        self.quota: dict[str, int] = {"Standard_NC": 48, "Standard_DS": 100, "Standard_D": 100}
        self.unavailable: set[str] = set()
        self.failing_models: dict[str, str] = {}
        self.account = "standinstore"
        self.account_key = ""
        self.blob_port: int | None = None
        self.store_ca: str | None = None
        self.store_read_only = False
        self.sas: list[str] = []

    def now(self) -> float:
        return time.time()

    def clock(self) -> float:
        """What the service takes the time to be, by which its tokens end."""
        return self.now() + self.clock_skew

    def stamp(self, moment: float | None = None) -> str:
        """A moment as ARM writes it."""
        when = datetime.fromtimestamp(self.now() if moment is None else moment, UTC)
        return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def registry(self, name: str) -> dict[str, dict[str, Asset]]:
        return self.registries.setdefault(
            name, {"models": {}, "components": {}, "environments": {}}
        )

    def used_tokens(self) -> list[str]:
        """The tokens that the service was asked with, in order; one stands for each request."""
        with self.lock:
            return [e.request.token for e in self.exchanges if e.request.token]

    def requests(self, method: str, word: str) -> list[Request]:
        """What was asked so far: requests of a method whose path holds `word`."""
        with self.lock:
            return [
                e.request
                for e in self.exchanges
                if e.request.method == method and word.lower() in e.request.path.lower()
            ]
