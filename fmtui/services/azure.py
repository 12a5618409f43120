"""Azure ML's connection: what is found, who is signed in, which workspaces there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmtui.azure import settings as _settings
from fmtui.azure.settings import AzureSettings
from fmtui.services.context import Context
from fmtui.services.doctor import Check
from registry.references import unknown

__all__ = [
    "AzureSettings",
    "Profile",
    "SignIn",
    "Workspace",
    "configured",
    "examine",
    "last_sign_in",
    "pick",
    "pinned",
    "profiles",
    "settings",
    "sign_in",
    "sign_out",
    "sizes",
    "use",
    "use_workspace",
    "workspaces",
]

Given = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Profile:
    """A workspace under a name; `current` marks the one in force."""

    name: str
    values: dict[str, str]
    current: bool

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "current": self.current, **self.values}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace that the signed-in person can see."""

    name: str
    resource_group: str
    subscription: str
    location: str

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "resource_group": self.resource_group,
            "subscription": self.subscription,
            "location": self.location,
        }


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the last look found, for the first frame: `state` is unknown, ok or failed."""

    state: str = "unknown"
    words: str = ""


_last = SignIn()


def last_sign_in() -> SignIn:
    """What this process found when it last spoke to Azure; asks nothing."""
    return _last


def configured(ctx: Context) -> bool:
    """Whether anything names a workspace. Reads small files, imports nothing of Azure."""
    return _settings.configured(ctx.home)


def settings(ctx: Context, given: Given | None = None) -> AzureSettings:
    """The settings in force, with where each was found. Raises NotFoundError, BadInputError."""
    return _settings.resolve(ctx.home, dict(given or {}))


def profiles(ctx: Context) -> list[Profile]:
    """Every profile by name."""
    current = _settings.current_profile(ctx.home)
    found = _settings.profiles(ctx.home)
    return [Profile(name, dict(found[name]), name == current) for name in sorted(found)]


def use(ctx: Context, name: str) -> None:
    """Let a profile be in force from now on. Raises NotFoundError."""
    _settings.use(ctx.home, name)


def pinned(found: AzureSettings, given: Mapping[str, str]) -> dict[str, str]:
    """A workspace by its own name, so that what belongs to it stays with it when another profile
    comes into force."""
    names = ("subscription", "resource_group", "workspace", "profile")
    values = {name: getattr(found, name) for name in names}
    return {**{name: str(value) for name, value in values.items() if value}, **given}


def use_workspace(ctx: Context, workspace: Workspace, *, name: str | None = None) -> str:
    """Keep a workspace as a profile, named after it, and let it be in force; returns the name."""
    name = name or workspace.name
    before = _settings.resolve(ctx.home)
    kept = ("auth", "tenant", "client_id", "cloud", "cloud_metadata")
    values = {key: getattr(before, key) for key in kept if key in before.found}
    values |= {
        "subscription": workspace.subscription,
        "resource_group": workspace.resource_group,
        "workspace": workspace.name,
    }
    _settings.add(ctx.home, name, {k: v for k, v in values.items() if v})
    return name


def pick(
    ctx: Context, workspace: str, *, name: str | None = None, given: Given | None = None
) -> str:
    """Find a workspace of the subscription by its name and let it be in force.

    Returns the profile's name. Raises NotFoundError with the nearest names.
    """
    found = workspaces(ctx, given)
    match = next((one for one in found if one.name.lower() == workspace.lower()), None)
    if match is None:
        raise unknown("workspace", workspace, [one.name for one in found])
    return use_workspace(ctx, match, name=name)


def sign_in(
    ctx: Context,
    prompt: Callable[[str], None],
    given: Given | None = None,
    canceled: Callable[[], bool] = lambda: False,
) -> str:
    """Sign in by a device code, which works over SSH; returns who did. Runs that waited for it go
    on being followed.

    Args:
        canceled: Asked every few seconds; True ends the waiting.

    Raises SignInError when it is refused, canceled or nobody comes in time, RemoteError, and
    BadInputError offline.
    """
    from fmtui.azure import credentials
    from fmtui.azure.clouds import cloud_of
    from fmtui.azure.connection import check_online
    from fmtui.azure.errors import translated
    from fmtui.runs.backends.azureml import follow_again

    check_online()
    found = settings(ctx, given)
    with translated("sign in"):
        who = credentials.sign_in(ctx.home, found, cloud_of(found), prompt, canceled)
    follow_again(ctx.home)
    return who


def sign_out(ctx: Context) -> bool:
    """Forget who signed in by a device code; whether there was anybody."""
    from fmtui.azure.credentials import sign_out as forget

    return forget(ctx.home)


def workspaces(ctx: Context, given: Given | None = None) -> list[Workspace]:
    """The workspaces of the subscription. Raises RemoteError, BadInputError without one."""
    from fmtui.azure.connection import connect
    from fmtui.azure.workspaces import list_workspaces

    return [Workspace(*row) for row in list_workspaces(connect(ctx.home, dict(given or {})))]


def sizes(ctx: Context, given: Given | None = None) -> list[dict[str, Any]]:
    """The instance types of the workspace's region, those without GPUs and small ones first.

    Raises RemoteError.
    """
    from dataclasses import asdict

    from fmtui.azure.connection import connect
    from fmtui.azure.workspaces import sizes as ask

    return [asdict(size) for size in ask(connect(ctx.home, dict(given or {})))]


def examine(ctx: Context, given: Given | None = None) -> Iterator[Check]:
    """Go the way to Azure ML step by step, and stop at the first that fails."""
    global _last
    from fmtui.azure.steps import walk

    for step in walk(ctx.home, dict(given or {})):
        found = Check(*step)
        if found.verdict == "error":
            _last = SignIn("failed", found.found)
        elif found.name == "workspace":
            _last = SignIn("ok", found.found)
        yield found
