"""Whether a disk has room for what is to come."""

from __future__ import annotations

import shutil
from pathlib import Path

from registry.errors import StorageError


def free_bytes(folder: Path) -> int:
    """What is free on the disk that a folder lies on, or will."""
    return shutil.disk_usage(_there(folder)).free


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders lie on one disk, or will."""
    return _there(one).stat().st_dev == _there(other).stat().st_dev


def _there(folder: Path) -> Path:
    """A folder, or the nearest above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def check_room(folder: Path, needed: int, setting: str) -> None:
    """Raises StorageError where a folder, which `setting` names, has no room for so many bytes."""
    free = free_bytes(folder)
    if needed > free:
        raise StorageError(
            f"no room in {folder}: {needed:,} bytes needed, {free:,} free",
            hint=f"Make room, or set {setting} to another disk.",
        )
