"""Which workspace is meant, and how to sign in: found in five places, the first that says it wins.

1. what the command says (`--profile`, `--workspace`, ...),
2. the profile in force: `[azure.profiles.NAME]` in config.toml, or one that was chosen in fmtui,
3. the environment: AZURE_SUBSCRIPTION_ID, AZUREML_RESOURCE_GROUP, AZUREML_WORKSPACE,
   AZURE_TENANT_ID, AZURE_CLIENT_ID, FMTUI_AZURE_CLOUD_METADATA,
4. `config.json` as the SDK writes it, here, in `.azureml` or in a folder above,
5. the defaults of `az configure` and the subscription of `az account`.

```
[azure]
profile = "team"             # the one in force; `fmtui azure use NAME` stands above it

[azure.profiles.team]
subscription = "..."
resource_group = "rg-models"
workspace = "ws-models"
tenant = "..."               # of these the SDK's own defaults serve most people
auth = "default"             # or service-principal, managed-identity, device-code, azure-cli
client_id = "..."
cloud = "AzureUSGovernment"  # or cloud_metadata = "cloud.json", with the SDK's keys
compute = "gpu-cluster"      # where jobs run when the command does not say
instance_type = "Standard_NC6s_v3"
```
Secrets are in no file of fmtui: a service principal's is read from the environment.
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fmtui.config import azure_config
from fmtui.errors import BadInputError, NotFoundError
from fmtui.paths import Home
from fmtui.runs.process import write_json
from registry.references import unknown

AUTH = ("default", "service-principal", "managed-identity", "device-code", "azure-cli")
_SEARCHED = ("config.json", ".azureml/config.json", "aml_config/config.json")
_ENVIRONMENT = {
    "subscription": "AZURE_SUBSCRIPTION_ID",
    "resource_group": "AZUREML_RESOURCE_GROUP",
    "workspace": "AZUREML_WORKSPACE",
    "tenant": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "cloud": "AZUREML_CURRENT_CLOUD",
    "cloud_metadata": "FMTUI_AZURE_CLOUD_METADATA",
    "compute": "FMTUI_AZURE_COMPUTE",
    "instance_type": "FMTUI_AZURE_INSTANCE_TYPE",
}


@dataclass(frozen=True)
class AzureSettings:
    """What is known of a workspace; `found` says where each value came from."""

    subscription: str | None = None
    resource_group: str | None = None
    workspace: str | None = None
    tenant: str | None = None
    auth: str = "default"
    client_id: str | None = None
    cloud: str | None = None
    cloud_metadata: str | None = None
    compute: str | None = None
    instance_type: str | None = None
    profile: str | None = None
    found: Mapping[str, str] = field(default_factory=dict, compare=False, hash=False)

    @property
    def complete(self) -> bool:
        return bool(self.subscription and self.resource_group and self.workspace)

    def missing(self) -> list[str]:
        """What a workspace needs and nobody says."""
        names = ("subscription", "resource_group", "workspace")
        return [name.replace("_", " ") for name in names if getattr(self, name) is None]


KEYS = tuple(
    name for name in AzureSettings.__dataclass_fields__ if name not in ("profile", "found")
)


@dataclass(frozen=True)
class Chosen:
    """What was chosen within fmtui: the profile in force, and profiles made by a picker."""

    profile: str | None = None
    profiles: dict[str, dict[str, str]] = field(default_factory=dict)


def _chosen_file(home: Home) -> Path:
    return home.root / "azure.json"


def chosen(home: Home) -> Chosen:
    """What was chosen in fmtui; nothing where the file is absent or broken."""
    try:
        values = json.loads(_chosen_file(home).read_text(encoding="utf-8"))
        return Chosen(values.get("profile"), dict(values.get("profiles") or {}))
    except (OSError, ValueError, AttributeError):
        return Chosen()


def profiles(home: Home) -> dict[str, dict[str, str]]:
    """Every profile by its name: those of config.toml stand above those made by a picker."""
    return {**chosen(home).profiles, **azure_config(home).profiles}


def use(home: Home, name: str) -> None:
    """Let a profile be in force. Raises NotFoundError."""
    known = profiles(home)
    if name not in known:
        raise unknown("profile", name, sorted(known), hint="Add it to config.toml.")
    _write(home, replace(chosen(home), profile=name))


def add(home: Home, name: str, values: Mapping[str, str]) -> None:
    """Keep a profile that was made by a picker, and let it be in force."""
    before = chosen(home)
    _write(home, Chosen(name, {**before.profiles, name: dict(values)}))


def _write(home: Home, value: Chosen) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    write_json(_chosen_file(home), {"profile": value.profile, "profiles": value.profiles})


def current_profile(home: Home) -> str | None:
    """The name of the profile in force: FMTUI_AZURE_PROFILE, what was chosen, config.toml."""
    return (
        os.environ.get("FMTUI_AZURE_PROFILE")
        or chosen(home).profile
        or azure_config(home).profile
        or None
    )


def resolve(home: Home, given: Mapping[str, str | None] | None = None) -> AzureSettings:
    """The settings in force; `given` is what the command says, its `profile` names one.

    Raises NotFoundError for an unknown profile, BadInputError for a file that can't be read.
    """
    said = {key: value for key, value in (given or {}).items() if value}
    name = said.get("profile") or current_profile(home)
    values: dict[str, str] = {}
    found: dict[str, str] = {}
    for where, part in _places(home, name, said):
        for key in KEYS:
            if key in part and part[key] and key not in values:
                values[key], found[key] = part[key], where
    auth = values.get("auth", "default")
    if auth not in AUTH:
        raise BadInputError(
            f"{found['auth']}: auth = {auth!r}: no such way to sign in",
            hint=f"One of {', '.join(AUTH)}.",
        )
    return AzureSettings(**values, profile=name, found=found)


def configured(home: Home) -> bool:
    """Whether anything at all names a workspace; cheap, and never raises."""
    try:
        settings = resolve(home)
    except (BadInputError, NotFoundError):
        return True
    return bool(settings.profile or settings.workspace)


_LISTED = "`fmtui azure profiles` lists them."


def _places(
    home: Home, profile: str | None, given: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "the command", given
    if profile is not None:
        known = profiles(home)
        if profile not in known:
            raise unknown(
                "profile", profile, sorted(known), hint="`fmtui azure profiles` lists them."
            )
        yield f"profile {profile}", known[profile]
    for key, variable in _ENVIRONMENT.items():
        yield variable, {key: os.environ.get(variable, "")}
    yield from _workspace_file()
    yield from _az_defaults()


def _workspace_file() -> Iterator[tuple[str, Mapping[str, str]]]:
    """`config.json` of the SDK, searched upwards from here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in _SEARCHED:
            path = folder / name
            if not path.is_file():
                continue
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(values, dict) and "workspace_name" in values:
                yield (
                    str(path),
                    {
                        "subscription": str(values.get("subscription_id") or ""),
                        "resource_group": str(values.get("resource_group") or ""),
                        "workspace": str(values.get("workspace_name") or ""),
                    },
                )
                return


def _az_defaults() -> Iterator[tuple[str, Mapping[str, str]]]:
    """What `az configure --defaults` and `az account set` left."""
    folder = Path(os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    parser = configparser.ConfigParser()
    try:
        parser.read(folder / "config", encoding="utf-8")
        section: dict[str, Any] = dict(parser["defaults"]) if "defaults" in parser else {}
    except (configparser.Error, OSError, UnicodeDecodeError):
        section = {}
    yield (
        "az configure",
        {
            "resource_group": str(section.get("group", "")),
            "workspace": str(section.get("workspace", "")),
        },
    )
    try:
        text = (folder / "azureProfile.json").read_text(encoding="utf-8-sig")
        accounts = json.loads(text).get("subscriptions", [])
        default = next((a for a in accounts if a.get("isDefault")), None)
    except (OSError, ValueError, AttributeError, TypeError):
        default = None
    if default:
        yield (
            "az account",
            {
                "subscription": str(default.get("id", "")),
                "tenant": str(default.get("tenantId", "")),
            },
        )
