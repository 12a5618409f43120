"""Checkpoints: complete, or not there. One counts when the mark `.complete` lies in it, which is
written after all of its files were synced."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from fmtui.runs.process import sync_folder

COMPLETE = ".complete"
"""The file that is written last into a checkpoint, after all others were synced."""

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def checkpoint_step(path: Path) -> int:
    """The step of `checkpoint-512`, -1 for what is no checkpoint."""
    match = _CHECKPOINT.fullmatch(path.name)
    return int(match[1]) if match else -1


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints that were written to their end."""
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if checkpoint_step(p) >= 0 and (p / COMPLETE).exists()]


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint."""
    return max(complete_checkpoints(folder), key=checkpoint_step, default=None)


def mark_complete(folder: Path) -> None:
    """Sync all of a checkpoint's files, then write the mark that makes it count."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        elif file.is_dir():
            sync_folder(file)
    sync_folder(folder)
    (folder / COMPLETE).touch()
    sync_folder(folder)
    sync_folder(folder.parent)


def remove(folder: Path) -> None:
    """Unmark first, so that a half-deleted checkpoint is never taken for a whole one."""
    (folder / COMPLETE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def drop_incomplete(checkpoints: Path) -> None:
    """Delete what a killed run left half-written."""
    whole = set(complete_checkpoints(checkpoints))
    for folder in checkpoints.iterdir() if checkpoints.is_dir() else ():
        if checkpoint_step(folder) >= 0 and folder not in whole:
            shutil.rmtree(folder, ignore_errors=True)
