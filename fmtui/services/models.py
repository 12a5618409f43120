"""The models on this machine: import, show, verify, remove, and register what a run made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fmtui.paths import expanded
from fmtui.services.context import Context
from registry import queries
from registry import runs as _runs
from registry.permissions import SAFE, Permissions
from registry.references import NAME
from registry.views import ImportProgress, ModelFileInfo, ModelInfo, RunInfo, VerifyReport

if TYPE_CHECKING:
    from registry.preflight_views import Preflight

__all__ = [
    "SAFE",
    "ImportProgress",
    "Permissions",
    "Preflight",
    "VerifyReport",
    "card",
    "files",
    "holds",
    "import_command",
    "import_model",
    "list_models",
    "preflight",
    "register_output",
    "remove",
    "runs",
    "show",
    "suggest_name",
    "verify",
]

Report = Callable[[ImportProgress], None]


def list_models(ctx: Context) -> list[ModelInfo]:
    """Every registered version: by name, the newest of each first."""
    return queries.list_models(ctx.db.read())


def holds(model: ModelInfo, query: str) -> bool:
    """Whether a model's facts, tags or note hold every word of a search."""
    facts = (model.ref, model.task, model.architecture, model.origin, model.parent, model.note)
    words = " ".join([*(fact or "" for fact in facts), *model.tags]).lower()
    return all(word in words for word in query.lower().split())


def show(ctx: Context, ref: str) -> ModelInfo:
    """One version, the latest where the reference names none. Raises NotFoundError."""
    return queries.model(ctx.db.read(), ref)


def card(ctx: Context, ref: str) -> str:
    """The model's own card as Markdown; "" where it brought none."""
    from registry.folder import CARD, card_text

    return card_text(Path(show(ctx, ref).path) / CARD)


def files(ctx: Context, ref: str) -> list[ModelFileInfo]:
    """The files of a version with their sizes and hashes."""
    return queries.model_files(ctx.db.read(), show(ctx, ref).id)


def runs(ctx: Context, ref: str) -> list[RunInfo]:
    """The runs that used or made a version, the newest first."""
    return _runs.of_model(ctx.db, show(ctx, ref).id)


def suggest_name(reference_or_path: str) -> str:
    """A name to register a source under: its last part, without what a name can't hold."""
    text = reference_or_path.strip().rstrip("/") or "/"
    if text.startswith("azureml://"):
        text = re.sub(r"/versions/[^/]*$", "", text)
    elif text.startswith(("hf:", "azureml:")):
        text = text.partition(":")[2].partition("@")[0]
    else:
        with suppress(RuntimeError):  # the home of nobody
            text = str(expanded(text))
        text = Path(text).absolute().name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text.rsplit("/", 1)[-1])
    match = NAME.search(name)
    return match[0] if match else "model"


def import_command(source: str, name: str | None, permissions: Permissions = SAFE) -> str:
    """The command that imports, as a form shows it."""
    words = ["fmtui", "model", "import", source]
    if name:
        words += ["--name", name]
    if permissions.convert_pickle:
        words.append("--convert-pickle")
    if permissions.trust_remote_code:
        words.append("--trust-remote-code")
    return shlex.join(words)


def preflight(ctx: Context, source: str, *, permissions: Permissions = SAFE) -> Preflight:
    """What an import would bring, and whether it would be refused; no weights are fetched.

    Raises:
        NotFoundError: no such folder, model or revision.
        RemoteError: the hub can't be reached.
    """
    from registry.preflight import preflight as run

    return run(ctx.db, ctx.home.models, source, permissions)


def import_model(
    ctx: Context,
    source: str,
    *,
    name: str | None = None,
    progress: Report | None = None,
    permissions: Permissions = SAFE,
) -> ModelInfo:
    """Import a folder, `hf:ORG/NAME[@REVISION]` or `azureml:NAME`, and register it.

    The files are checked while they come, and nothing stays behind when it fails or is
    interrupted.

    Args:
        source: A folder or a reference.
        name: The name to register under; `suggest_name(source)` when left out.
        progress: Called with the bytes done so far. What it raises ends the import; what came
            of a download is kept for the next try.
        permissions: What is allowed beyond the safe.

    Raises:
        ConflictError: the name is taken.
        NotFoundError: no such folder, model or revision.
        BadInputError: not a model that can be used here; pickled weights, remote code.
        RemoteError: the hub can't be reached, or says no.
        StorageError: the disk is full or read-only.
    """
    from fmtui.services.convert import convert
    from registry.importer import import_model as run

    id = run(
        ctx.db,
        ctx.home.models,
        source,
        name=name or suggest_name(source),
        progress=progress or (lambda _: None),
        permissions=permissions,
        convert=convert,
    )
    return queries.model_by_id(ctx.db.read(), id)


def verify(ctx: Context, ref: str, progress: Report | None = None) -> VerifyReport:
    """Hash a version's files against what was recorded; a clean one is marked verified."""
    from registry.upkeep import verify as run

    return run(ctx.db, show(ctx, ref), progress or (lambda _: None))


def remove(ctx: Context, ref: str) -> None:
    """Remove a version and its files.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: it is deployed, a run is at work on it, or other versions came from it.
    """
    from registry.upkeep import remove as run

    run(ctx.db, ctx.home.models, show(ctx, ref))


def register_output(
    ctx: Context,
    *,
    folder: Path,
    name: str,
    parent_ref: str | None,
    origin: str,
    task: str | None,
    labels: Sequence[str],
    license: str | None,
) -> int:
    """Put what a run made into the store, as the next version of `name`. Returns its id.

    The files are linked, not copied, where the file system allows it.

    Raises:
        BadInputError: the folder holds no model.
        StorageError: the disk is full or read-only.
    """
    from registry.store import Facts, register_folder

    parent = show(ctx, parent_ref).id if parent_ref else None
    return register_folder(
        ctx.db,
        ctx.home.models,
        folder,
        name,
        Facts(origin=origin, task=task, labels=tuple(labels), license=license, parent_id=parent),
    )
