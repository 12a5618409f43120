"""What is found on this machine, and what is wrong with it: read only, nothing is changed."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from fmtui import __version__
from fmtui.errors import FmtuiError
from fmtui.runs import slots
from fmtui.services.context import Context
from registry.database import HEAD, filesystem_of
from registry.redact import redact

Verdict = Literal["ok", "warning", "error"]

_PACKAGES = (
    "textual", "sqlmodel", "torch", "transformers", "accelerate", "datasets", "evaluate",
    "huggingface_hub", "azure-ai-ml", "httpx",
)  # fmt: skip
_LITTLE_DISK = 5e9


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `advice` says what to do where it is not ok."""

    name: str
    verdict: Verdict
    found: str
    advice: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(ctx: Context) -> list[Check]:
    """Look at everything. A check that fails is a result, never an exception."""
    checks: list[Callable[[Context], Check]] = [
        _fmtui, _packages, _home, _disk, _registry, _models, _hub, _token, _compute, _terminal,
    ]  # fmt: skip
    found = []
    for check in checks:
        try:
            found.append(check(ctx))
        except (OSError, FmtuiError, sqlite3.Error) as error:
            found.append(Check(check.__name__.removeprefix("_"), "error", str(error)))
    return [*found, *_azure(ctx)]


def _fmtui(ctx: Context) -> Check:
    return Check("fmtui", "ok", f"{__version__} on Python {platform.python_version()}")


def _packages(ctx: Context) -> Check:
    versions, missing = [], []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = "Install fmtui anew: `make setup`."
        return Check("packages", "error", f"missing: {', '.join(missing)}", advice)
    return Check("packages", "ok", ", ".join(versions))


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    while not path.exists():
        path = path.parent
    return path


def _home(ctx: Context) -> Check:
    root = ctx.home.root
    if not os.access(_existing(root), os.W_OK):
        advice = "Give rights, or set FMTUI_HOME to a folder of yours."
        return Check("home", "error", f"{root} can't be written to", advice)
    kind = filesystem_of(_existing(root))
    if ctx.db.on_network():
        advice = "The registry uses a rollback journal there; a local FMTUI_HOME is faster."
        return Check("home", "warning", f"{root} is on a network file system ({kind})", advice)
    return Check("home", "ok", f"{root} ({kind})" if kind else str(root))


def _disk(ctx: Context) -> Check:
    free = shutil.disk_usage(_existing(ctx.home.root)).free
    text = f"{free / 1e9:,.1f} GB free"
    if free < _LITTLE_DISK:
        return Check("disk", "warning", text, "A model of a billion parameters takes some 15 GB.")
    return Check("disk", "ok", text)


def _registry(ctx: Context) -> Check:
    if not ctx.home.registry.exists():
        return Check("registry", "ok", "not made yet; the first command makes it")
    connection = ctx.db.read()
    (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if verdict != "ok":
        advice = "Copy the file away; `fmtui run reindex` makes the runs' rows anew."
        return Check("registry", "error", f"damaged: {verdict}", advice)
    counts = [
        f"{connection.execute(f'SELECT count(*) FROM {table}').fetchone()[0]:,} {words}"
        for table, words in (
            ("catalog_model", "in the catalogue"),
            ("model_version", "models"),
            ("run", "runs"),
        )
    ]
    return Check("registry", "ok", f"revision {HEAD}, {mode}, {', '.join(counts)}")


def _models(ctx: Context) -> Check:
    """Folders of versions that no row names: a kill between the folder and the row left them."""
    if not ctx.home.registry.exists():
        return Check("models", "ok", "none yet")
    rows = ctx.db.read().execute(
        "SELECT m.name, v.version FROM model_version v JOIN model m ON m.id = v.model_id"
    )
    known = {(row["name"], str(row["version"])) for row in rows}
    left = sorted(
        folder
        for folder in ctx.home.models.glob("[!.]*/*")
        if folder.is_dir() and (folder.parent.name, folder.name) not in known
    )
    if not left:
        return Check("models", "ok", f"{len(known):,} in {ctx.home.models}")
    held = sum(file.lstat().st_size for folder in left for file in folder.iterdir())
    names = ", ".join(f"{folder.parent.name}/{folder.name}" for folder in left[:3])
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    return Check(
        "models",
        "warning",
        f"{held / 1e9:,.1f} GB in {ctx.home.models} are registered nowhere: {names}{more}",
        "An import or a remove that was killed left them. `fmtui model import FOLDER` takes in "
        "what is missed; the rest can go.",
    )


def _hub(ctx: Context) -> Check:
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return Check("hub", "ok", "offline by HF_HUB_OFFLINE")
    return Check("hub", "ok", redact(endpoint))


def _token(ctx: Context) -> Check:
    if os.environ.get("HF_TOKEN"):
        return Check("hub token", "ok", "from HF_TOKEN")
    hf_home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    file = Path(os.environ.get("HF_TOKEN_PATH") or Path(hf_home) / "token")
    if file.exists():
        return Check("hub token", "ok", f"from {file}")
    return Check("hub token", "ok", "none; gated models need one in HF_TOKEN")


def _compute(ctx: Context) -> Check:
    pool = slots.pool(ctx.home)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names, free = pool.names, len(pool.free())
    shared = f", shared in {pool.folder}" if pool.shared else ""
    return Check(
        "compute",
        "ok",
        f"{', '.join(names)}; {cores} cores; {free} of {len(names)} slots free{shared}",
    )


def _azure(ctx: Context) -> Iterator[Check]:
    """The way to Azure ML step by step, where anything names a workspace."""
    from fmtui.services import azure

    if not azure.configured(ctx):
        yield Check("azure", "ok", "not set up; `fmtui azure status` says what it needs")
        return
    for step in azure.examine(ctx):
        # Azure is one place among several: where it fails, the rest is still well.
        verdict: Verdict = "ok" if step.verdict == "ok" else "warning"
        yield replace(step, name=f"azure {step.name}", verdict=verdict)


def _terminal(ctx: Context) -> Check:
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        advice = "The TUI needs a terminal; the commands do not."
        return Check("terminal", "warning", f"TERM={term or 'not set'}", advice)
    extras = [name for name in ("TMUX", "SSH_CONNECTION", "NO_COLOR") if os.environ.get(name)]
    return Check("terminal", "ok", " ".join([term, *(f"with {name}" for name in extras)]))
