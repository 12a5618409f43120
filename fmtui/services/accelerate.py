"""The accelerate config of a run of several processes: seen, and changed before it starts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fmtui.errors import BadInputError
from fmtui.runs import accelerate
from fmtui.runs.layout import Layout
from fmtui.runs.process import write_bytes
from fmtui.services._runs import folder_of, show
from fmtui.services.context import Context
from fmtui.services.where import Where
from registry.database import storage_errors

__all__ = ["change", "check", "keep", "proposed", "text_of"]


def proposed(ctx: Context, where: Where) -> str:
    """What would be written into the folder of a run that runs there; '' for one process.

    Raises UsageError and BadInputError for what can't be.
    """
    layout = Layout.of(where.as_spec(ctx))
    if not layout.several:
        return ""
    written = where.files().get(accelerate.FILE)
    return written.decode() if written is not None else accelerate.config_text(layout)


def check(text: str) -> None:
    """Raise BadInputError for what accelerate can't start from; an empty text is written anew."""
    if text.strip():
        accelerate.parse(text)


def keep(ctx: Context, text: str) -> Path:
    """Write a changed config where a command can name it. Raises BadInputError, StorageError."""
    accelerate.parse(text)
    content = text.encode()
    folder = ctx.home.root / "accelerate"
    path = folder / f"{hashlib.sha256(content).hexdigest()[:8]}.yaml"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    return path


def text_of(ctx: Context, ref: str) -> str:
    """The config of a run: the file in its folder, or what will be written when it starts.

    Raises NotFoundError, and UsageError for a run of one process.
    """
    show(ctx, ref)
    try:
        return accelerate.text_of(folder_of(ctx, ref))
    except (OSError, ValueError) as error:
        raise BadInputError(f"the accelerate config of {ref} can't be read: {error}") from error


def change(ctx: Context, ref: str, text: str) -> None:
    """Let a run start from another config, the next time that it starts or is resumed. Without a
    text it is written anew.

    Raises NotFoundError, UsageError for a run of one process, and BadInputError for a text that
    accelerate can't start from or that asks for other processes than the run has.
    """
    text_of(ctx, ref)
    folder = folder_of(ctx, ref)
    layout = Layout.of(folder.spec())
    if not text.strip():
        text = accelerate.config_text(layout)
    accelerate.check_against(layout, accelerate.parse(text))
    with storage_errors(folder.path):
        write_bytes(folder.path / accelerate.FILE, text.encode())
