"""Which cloud: Azure's public one, a sovereign one by its name, or a private one by a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fmtui.azure.settings import AzureSettings
from fmtui.errors import BadInputError
from fmtui.paths import expanded

PRIVATE = "fmtui-"
"""How the names begin that private clouds get here."""

_KEYS = (
    "azure_portal",
    "resource_manager",
    "active_directory",
    "aml_resource_id",
    "storage_endpoint",
    "registry_discovery_endpoint",
)
_KNOWN = {
    "AzureCloud": ("https://management.azure.com", "https://login.microsoftonline.com"),
    "AzureChinaCloud": (
        "https://management.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
    ),
    "AzureUSGovernment": (
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
}


@dataclass(frozen=True)
class Cloud:
    """A cloud as the SDK wants it told. `metadata` is None for those that it knows itself."""

    name: str
    resource_manager: str
    authority: str
    metadata: tuple[tuple[str, str], ...] | None = None

    @property
    def private(self) -> bool:
        """Whether the authority is not Microsoft's, so that nobody else can vouch for it."""
        return self.metadata is not None

    @property
    def scope(self) -> str:
        """What a token for the resource manager is asked for."""
        return f"{self.resource_manager.rstrip('/')}/.default"


def cloud_of(settings: AzureSettings) -> Cloud:
    """The cloud of a profile. Raises BadInputError for a file or a name that can't be."""
    if settings.cloud_metadata:
        return _from_file(expanded(settings.cloud_metadata))
    name = settings.cloud or "AzureCloud"
    if name.startswith(PRIVATE):  # of a process that had a file, and this one has none
        name = "AzureCloud"
    if name not in _KNOWN:
        raise BadInputError(
            f"no cloud `{name}`",
            hint=f"One of {', '.join(_KNOWN)}, or give its addresses in a file: cloud_metadata.",
        )
    return Cloud(name, *_KNOWN[name])


def _from_file(path: Path) -> Cloud:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"can't be read: {error.strerror}", file=str(path)) from error
    except ValueError as error:
        raise BadInputError(f"is no JSON: {error}", file=str(path)) from error
    missing = [key for key in _KEYS if not isinstance(values, dict) or not values.get(key)]
    if missing:
        raise BadInputError(
            f"says nothing of {', '.join(missing)}",
            file=str(path),
            hint=f"The keys are those of the SDK's cloud_metadata: {', '.join(_KEYS)}.",
        )
    for key in _KEYS:
        if key != "storage_endpoint" and urlsplit(str(values[key])).scheme != "https":
            raise BadInputError(
                f"{key} is no https address",
                file=str(path),
                hint="Azure's SDK sends tokens over TLS alone.",
            )
    metadata = tuple((key, str(values[key])) for key in _KEYS)
    # Two files with the same name in them must not be taken for one cloud.
    digest = hashlib.sha256(repr(metadata).encode()).hexdigest()[:8]
    return Cloud(
        f"{PRIVATE}{digest}",
        str(values["resource_manager"]),
        str(values["active_directory"]),
        metadata,
    )
