"""The connection to a workspace and to registries: clients of the SDK, made once a process."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from fmtui.azure import answers, uploads
from fmtui.azure.clouds import PRIVATE, Cloud, cloud_of
from fmtui.azure.credentials import credential, forget_refused, signed_in
from fmtui.azure.errors import refusals, translated
from fmtui.azure.settings import AzureSettings, resolve
from fmtui.errors import BadInputError
from fmtui.paths import Home

CONNECT_SECONDS = 10
READ_SECONDS = 60
RETRIES = 4
POLL_SECONDS = 5
"""Between two looks at a long-running operation where the service names no time: the SDK waits so
long for deployments, and 30 s for endpoints."""


@dataclass
class Connection:
    """A workspace that was signed in to. Its clients are made when they are first asked for."""

    settings: AzureSettings
    cloud: Cloud
    credential: Any
    retries: int = RETRIES
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _workspace: Any = None
    _registries: dict[str, Any] = field(default_factory=dict)

    @property
    def workspace(self) -> Any:
        """The `MLClient` of the workspace. Raises BadInputError when none is named."""
        if not self.settings.complete:
            raise BadInputError(
                f"no workspace of Azure ML is known: {', '.join(self.settings.missing())} "
                f"{'is' if len(self.settings.missing()) == 1 else 'are'} missing",
                hint="Set AZURE_SUBSCRIPTION_ID, AZUREML_RESOURCE_GROUP and AZUREML_WORKSPACE, or "
                "a profile in config.toml; `fmtui azure status` says what is found.",
            )
        with self._lock:
            if self._workspace is None:
                self._workspace = self.client(
                    subscription_id=self.settings.subscription,
                    resource_group_name=self.settings.resource_group,
                    workspace_name=self.settings.workspace,
                )
            return self._workspace

    def registry(self, name: str) -> Any:
        """The `MLClient` of a registry; making it asks where the registry is.

        Raises RemoteError or NotFoundError.
        """
        with self._lock:
            if name not in self._registries:
                with translated(f"look for the registry {name}"):
                    self._registries[name] = self.client(registry_name=name)
            return self._registries[name]

    def client(self, **scope: Any) -> Any:
        """A client of the SDK without progress bars, telemetry and endless waits."""
        with self._lock:
            return _client(self, scope)

    def token(self, scope: str | None = None) -> Any:
        """A token for the resource manager, or for `scope`. Raises what signing in raises."""
        with translated("sign in"):
            return self.credential.get_token(scope or self.cloud.scope)

    def workspace_id(self) -> str:
        """The workspace's id in the resource manager."""
        found = self.settings
        return (
            f"/subscriptions/{found.subscription}/resourceGroups/{found.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{found.workspace}"
        )


def _client(connection: Connection, scope: dict[str, Any]) -> Any:
    cloud = connection.cloud
    # The SDK keeps the cloud's name in the environment, where children find a private cloud's too,
    # and it does not load where that names one that it does not know.
    if os.environ.get("AZUREML_CURRENT_CLOUD", "").startswith(PRIVATE):
        del os.environ["AZUREML_CURRENT_CLOUD"]
    _quiet()
    if cloud.metadata is not None:
        _introduce(cloud)
    from azure.ai.ml import MLClient

    uploads.mend()
    answers.mend()
    made = MLClient(
        connection.credential,
        **scope,
        cloud=cloud.name,
        show_progress=False,
        enable_telemetry=False,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retry_total=connection.retries,
        retry_connect=min(connection.retries, 1),
        retry_backoff_max=30,
        polling_interval=POLL_SECONDS,
    )
    _hush()
    return made


def _introduce(cloud: Cloud) -> None:
    """Tell the SDK the addresses of a private cloud."""
    from azure.ai.ml._azure_environments import _environments

    _environments[cloud.name] = dict(cloud.metadata or ())


_lock = threading.Lock()
_known: dict[tuple[object, ...], Connection] = {}


def check_online() -> None:
    """Raises BadInputError where no network is to be reached for."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise BadInputError(
            "Azure can't be reached offline", hint="Leave --offline out, and unset HF_HUB_OFFLINE."
        )


def connect(home: Home, given: dict[str, str | None] | None = None) -> Connection:
    """The connection that the settings in force name; one a process for the same settings.

    Nothing is sent yet. Raises what `resolve` and `credential` raise, BadInputError offline.
    """
    check_online()
    settings = resolve(home, given)
    cloud = cloud_of(settings)
    # A token that the service refuses would be taken from its credential's memory until it ends.
    key = (home, settings, cloud, signed_in(home), refusals())
    with _lock:
        if key not in _known:
            _hush()  # azure-identity's warnings would be printed: each is a sentence of ours
            with translated("sign in"):
                made = credential(home, settings, cloud)
            for old in [k for k in _known if k[:3] == key[:3]]:
                del _known[old]
                if old[-1] != key[-1]:
                    forget_refused(home, cloud)
            _known[key] = Connection(settings, cloud, made)
        return _known[key]


def _quiet() -> None:
    """The SDK prints dots while it polls: not on our screen."""
    from azure.ai.ml._utils._azureml_polling import AzureMLPolling
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    AzureMLPolling.update_status = ARMPolling.update_status


def _hush() -> None:
    """What the SDK logs is for its authors, and some of its modules have handlers of their own."""
    for name in ("azure", "msal", "msrest", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("azure", "msrest"):
            logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("msal").setLevel(logging.CRITICAL)  # it logs what it raises, with the trace
