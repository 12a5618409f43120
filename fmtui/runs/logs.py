"""A run's log and its parts: `log.txt` grows; `log.1.txt`, `log.2.txt`, ... are its older parts.

The writer is the process itself (stdout and stderr are the file), so it is the process that
begins a new part when one is full. It switches over to `log.next.txt` first and only then renames
the two, so nothing is written to a part any more once it has a number, and no line is lost.
The oldest parts are dropped, and whoever reads the log is told so.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path


def parts(log: Path) -> list[Path]:
    """Every part that is there, oldest first, `log.txt` last."""
    while True:
        inode = _inode_of(log)
        try:
            found = [p for p in log.parent.iterdir() if _number(log, p)]
        except OSError:
            return []
        ends = [p for p in (log, _part(log, "next")) if p.exists()]
        if _inode_of(log) == inode:  # else a part was renamed under the listing
            return sorted(found, key=lambda p: _number(log, p)) + ends


def dropped(log: Path) -> int:
    """How many of the oldest parts are gone."""
    first = next(iter(parts(log)), log)
    return max(_number(log, first) - 1, 0)


def _part(log: Path, name: int | str) -> Path:
    return log.with_name(f"{log.stem}.{name}{log.suffix}")


def _number(log: Path, path: Path) -> int:
    """The number of an older part, 0 for what is none."""
    match = re.fullmatch(rf"{re.escape(log.stem)}\.(\d+){re.escape(log.suffix)}", path.name)
    return int(match[1]) if match else 0


def _highest(log: Path) -> int:
    return max((_number(log, p) for p in log.parent.iterdir()), default=0)


def recover(log: Path) -> None:
    """Finish a change of parts that a kill broke off. The caller holds the run's lock."""
    follower = _part(log, "next")
    if follower.exists():
        if log.exists():
            log.rename(_part(log, _highest(log) + 1))
        follower.rename(log)


def write_here(log: Path) -> None:
    """Make the log this process's stdout and stderr: no pipe, so nobody's death loses a line.

    Half a line that a killed process left gets its end, so that the next line is a line.
    """
    recover(log)
    handle = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        with contextlib.suppress(OSError):
            os.write(handle, b"\n")
    _become(handle)


def _become(handle: int) -> None:
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def rotate(log: Path, *, limit: int, keep: int) -> int:
    """Begin a new part when this process's log is larger than `limit` bytes.

    At most `keep` older parts are left. Returns the number of parts that were dropped.
    """
    if os.fstat(1).st_size <= limit:
        return 0
    recover(log)
    number = _highest(log) + 1
    _become(
        os.open(_part(log, "next"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    )
    log.rename(_part(log, number))
    _part(log, "next").rename(log)
    gone = [p for p in parts(log) if 0 < _number(log, p) <= number - keep]
    for part in gone:
        part.unlink(missing_ok=True)
    return len(gone)


class LogReader:
    """Reads a log from its oldest part on, across changes of parts, also while it is written."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._handle: int | None = None

    @property
    def dropped(self) -> int:
        """How many of the oldest parts are gone."""
        return dropped(self.log)

    def read(self, size: int = 1 << 20) -> bytes:
        """The next bytes, b'' when there are none for now."""
        while True:
            if self._handle is None and not self._open():
                return b""
            assert self._handle is not None
            inode = _inode_of(self.log)  # asked before the read: a full part is read to its end
            chunk = os.read(self._handle, size)
            if chunk or inode == os.fstat(self._handle).st_ino:
                return chunk
            if not self._advance():
                return b""

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> bool:
        return next((True for part in parts(self.log) if self._use(part)), False)

    def _advance(self) -> bool:
        """Go on with the part after the one that was read to its end."""
        assert self._handle is not None
        mine = os.fstat(self._handle)
        found = parts(self.log)
        inodes = [_inode_of(part) for part in found]
        if mine.st_ino in inodes:
            found = found[inodes.index(mine.st_ino) + 1 :]
        elif mine.st_nlink:
            return False  # it is being renamed; the next look sees where it is
        return next((True for part in found if self._use(part)), False)

    def _use(self, part: Path) -> bool:
        try:
            handle = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self.close()
        self._handle = handle
        return True


def _inode_of(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_ino
    return None
