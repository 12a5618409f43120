"""Making and removing endpoints' folders, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path

from fmtui.runs.process import Identity, sync_folder
from fmtui.serving.definition import Definition, Deployment, EndpointFolder
from fmtui.serving.keys import create_keys
from registry.errors import ConflictError, NotFoundError


def make_folder(folder: EndpointFolder, definition: Definition) -> None:
    """The folder with all that the server needs. Raises ConflictError when it exists."""
    sweep(folder.path.parent)
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    temp = EndpointFolder(_temporary(folder))
    temp.path.mkdir(mode=0o700)
    try:
        create_keys(temp.keys_file)
        temp.log.touch()
        temp.write(definition)
        temp.path.rename(folder.path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise ConflictError(f"endpoint `{folder.name}` exists") from error
        raise
    finally:
        shutil.rmtree(temp.path, ignore_errors=True)
    sync_folder(folder.path.parent)


def remove_folder(folder: EndpointFolder) -> None:
    """Take the folder away in one step, then its files."""
    gone = _temporary(folder)
    with contextlib.suppress(FileNotFoundError):
        folder.path.rename(gone)
        sync_folder(folder.path.parent)
    shutil.rmtree(gone, ignore_errors=True)
    sweep(folder.path.parent)


def sweep(endpoints: Path) -> None:
    """Remove what processes that died left half made or half removed."""
    for path in endpoints.glob(".*.part"):
        pid = path.name.split(".")[-2]
        if not pid.isdigit() or Identity.of(int(pid)) is None:
            shutil.rmtree(path, ignore_errors=True)


def remove_revision(folder: EndpointFolder, deployment: Deployment) -> None:
    """Remove one revision's script."""
    shutil.rmtree(folder.score_file(deployment).parent, ignore_errors=True)


def forget_revisions(folder: EndpointFolder) -> None:
    """Remove the scripts of revisions that are no longer wanted."""
    with contextlib.suppress(NotFoundError), folder.change() as definition:
        wanted = {d.revision for d in definition.deployments}
        for path in folder.revisions.glob("*"):
            if path.name not in wanted:
                shutil.rmtree(path, ignore_errors=True)


def _temporary(folder: EndpointFolder) -> Path:
    return folder.path.with_name(f".{folder.name}.{secrets.token_hex(4)}.{os.getpid()}.part")
