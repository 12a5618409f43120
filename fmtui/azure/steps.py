"""The way to Azure ML, step by step: what is found on it, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Literal

from fmtui.azure.clouds import cloud_of
from fmtui.azure.connection import connect
from fmtui.azure.credentials import person
from fmtui.azure.errors import translated
from fmtui.azure.settings import AzureSettings, resolve
from fmtui.errors import FmtuiError
from fmtui.paths import Home

Found = tuple[str, Literal["ok", "warning", "error"], str, str | None]
"""Name, verdict, what was found, what to do."""

_REGISTRY = "azureml"


def walk(home: Home, given: dict[str, str | None]) -> Iterator[Found]:
    """Each step as it is done; the one that fails is the last."""
    if find_spec("azure.ai.ml") is None:
        yield "sdk", "error", "azure-ai-ml is not installed", "Install fmtui anew: `make setup`."
        return
    try:
        settings = resolve(home, given)
        yield "settings", "ok", _found(settings), None
        cloud = cloud_of(settings)
        yield "cloud", "ok", f"{cloud.name}: {cloud.resource_manager}", None
    except FmtuiError as error:
        yield "settings", "error", _said(error), error.hint
        return
    steps = (
        ("sign-in", _sign_in),
        ("workspace", _workspace),
        ("registry", _ask_registry),
    )
    for name, step in steps:
        if name == "workspace" and not settings.complete:
            missing = ", ".join(settings.missing())
            advice = "`fmtui azure workspaces` lists them; `fmtui azure use` keeps one."
            yield name, "error", f"unknown: {missing} missing", advice
            return
        try:
            yield name, "ok", step(home, given), None
        except FmtuiError as error:
            yield name, "error", _said(error), error.hint
            return


def _found(settings: AzureSettings) -> str:
    parts = [
        f"{key.replace('_', ' ')} {getattr(settings, key)} (from {where})"
        for key, where in settings.found.items()
        if key in ("subscription", "resource_group", "workspace", "auth", "cloud_metadata")
    ]
    return ", ".join(parts) or "nothing names a workspace"


def _said(error: FmtuiError) -> str:
    where = error.where()
    return f"{where}: {error.message}" if where else error.message


def _sign_in(home: Home, given: dict[str, str | None]) -> str:
    connection = connect(home, given)
    connection.token()
    made = getattr(connection.credential, "_successful_credential", None) or connection.credential
    return f"{person(made) or 'a token'} by {type(made).__name__.removesuffix('Credential')}"


def _workspace(home: Home, given: dict[str, str | None]) -> str:
    connection = connect(home, given)
    with translated("look at the workspace"):
        found = connection.workspace.workspaces.get(connection.settings.workspace)
    return f"{found.name} in {found.location}"


def _ask_registry(home: Home, given: dict[str, str | None]) -> str:
    connect(home, given).registry(_REGISTRY)
    return f"{_REGISTRY} answers"
