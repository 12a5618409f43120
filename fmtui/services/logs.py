"""A log to look at: its parts as one run of bytes, and its lines made fit for a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fmtui.runs.logs import parts
from fmtui.services.text import clean

_COLOUR = re.compile(r"(\x1b\[[0-9;:]*m)")
_COLOUR_BYTES = re.compile(_COLOUR.pattern.encode())
_TAB = 8


@dataclass
class _Part:
    handle: int
    inode: int
    size: int


class LogBytes:
    """All parts of a log, oldest first, as one file that grows; read at any offset.

    What was opened stays readable while it is renamed. `generation` counts up when offsets that
    were known mean something else: the file was written anew, or its oldest part was dropped.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self.generation = 0
        self._parts: list[_Part] = []

    def look(self) -> int:
        """Take in what was written since; how many bytes there are."""
        try:
            now = self.log.stat()
        except OSError:  # not there yet, taken away, or renamed this very moment
            now = None
        if now is not None and (not self._parts or self._parts[-1].inode != now.st_ino):
            self._find_parts()
        if self._parts:
            last = self._parts[-1]
            size = os.fstat(last.handle).st_size
            if size < last.size:
                self.generation += 1
            last.size = size
        return sum(part.size for part in self._parts)

    def _find_parts(self) -> None:
        """Open the parts that are new, and let go of those that were dropped."""
        known = {part.inode: part for part in self._parts}
        found: list[_Part] = []
        for path in parts(self.log):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:  # renamed under this look: the next one sees it
                _close(part for part in found if part.inode not in known)
                return
            status = os.fstat(handle)
            if status.st_ino in known:
                os.close(handle)
                found.append(known[status.st_ino])
                found[-1].size = status.st_size
            else:
                found.append(_Part(handle, status.st_ino, status.st_size))
        kept = {part.inode for part in found}
        if self._parts and self._parts[0].inode not in kept:
            self.generation += 1
        _close(part for part in self._parts if part.inode not in kept)
        self._parts = found

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset`, across parts."""
        chunks: list[bytes] = []
        for part in self._parts:
            if size > 0 and offset < part.size:
                chunk = os.pread(part.handle, min(size, part.size - offset), offset)
                chunks.append(chunk)
                size -= len(chunk)
                offset += len(chunk)
            offset -= part.size
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def close(self) -> None:
        _close(self._parts)
        self._parts = []


def _close(gone: Iterable[_Part]) -> None:
    for part in gone:
        os.close(part.handle)


def collapsed(line: bytes) -> bytes:
    """A line as it stands after its last return of the carriage: a progress bar's last state."""
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def searchable(content: bytes) -> bytes:
    """Lines as they are looked through: what is shown of each, in lower case, as UTF-8."""
    if b"\r" in content:
        content = b"\n".join(collapsed(line) for line in content.split(b"\n"))
    if b"\x1b" in content:
        content = _COLOUR_BYTES.sub(b"", content)
    if content.isascii():
        return content.lower()
    return content.decode("utf-8", "replace").lower().encode()


def coloured(line: str) -> str:
    """A line without its end, with its colours (SGR) and no other control sequence."""
    column, shown = 0, []
    for number, piece in enumerate(_COLOUR.split(line)):
        if number % 2:
            shown.append(piece)
            continue
        lead = " " * (column % _TAB)
        words = (lead + clean(piece).replace("\n", "")).expandtabs(_TAB)[len(lead) :]
        column += len(words)
        shown.append(words)
    return "".join(shown)


def printed(content: bytes, grep: str | None = None) -> list[str]:
    """Whole lines as `fmtui run logs` prints them; with `grep` those that hold it."""
    if not content:
        return []
    lines = []
    for raw in content.removesuffix(b"\n").split(b"\n"):
        line = coloured(collapsed(raw).decode("utf-8", "replace"))
        if grep is None or grep.lower() in _COLOUR.sub("", line).lower():
            lines.append(line + "\x1b[0m" if "\x1b" in line else line)
    return lines
