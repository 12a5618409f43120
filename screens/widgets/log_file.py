"""A growing file of lines, read where it is looked at: a gigabyte opens like a kilobyte.

The index is sparse: how many lines ended before each block of 64 KiB. A line is found by
bisection in it and read with `pread`, so nothing is held but the index and one block of lines.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from pathlib import Path

BLOCK = 64 * 1024
LONGEST = 16 * 1024
"""What is shown of a line at most, in bytes."""


class LogFile:
    """Lines of a file that others append to.

    `grow` takes in what is new, at most so many bytes a call; `lines` counts what was taken in,
    a last line without its end included. With a filter only whole lines that hold it count.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.needle = b""
        self._handle: int | None = None
        self._reset()

    def _reset(self) -> None:
        self._size = 0
        self._ends = 0
        self._marks = array("Q", [0])
        self._open_line = False
        self._first, self._window = 0, list[str]()
        self.filter(self.needle.decode())

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @property
    def lines(self) -> int:
        return len(self._hits) if self.needle else self._ends + self._open_line

    def filter(self, words: str) -> None:
        """Count and give only the lines that hold these words, whatever their case."""
        self.needle = words.lower().encode()
        self._hits = array("Q")
        self._scanned = 0
        self._scanned_ends = 0

    def grow(self, budget: int = 64 * 1024 * 1024) -> bool:
        """Take in what was appended. True when anything changed: call again until it is False."""
        size = self._open()
        if self._handle is None:
            return False
        before = self._size, self._scanned
        while self._size < size and budget > 0:
            chunk = os.pread(self._handle, BLOCK - self._size % BLOCK, self._size)
            if not chunk:
                break
            budget -= len(chunk)
            self._size += len(chunk)
            self._ends += chunk.count(b"\n")
            self._open_line = not chunk.endswith(b"\n")
            if self._size % BLOCK == 0:
                self._marks.append(self._ends)
            self._window = []
        while self.needle and self._scanned < self._size and budget > 0:
            read = self._scan(self._handle)
            if not read:
                break
            budget -= read
        return (self._size, self._scanned) != before

    def _open(self) -> int:
        """Open the file that stands at the path now; its size, in bytes."""
        try:
            found = self.path.stat()
        except OSError:  # not there yet, or taken away: what was open stays readable
            return os.fstat(self._handle).st_size if self._handle is not None else 0
        if self._handle is not None:
            opened = os.fstat(self._handle)
            if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
                self.close()
                self._reset()
        if self._handle is None:
            try:
                self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:  # renamed a moment ago; the next call finds what follows it
                return 0
        if found.st_size < self._size:
            self._reset()
        return found.st_size

    def _scan(self, handle: int) -> int:
        """Look for the filter's words in the next whole lines; the number of bytes looked at."""
        room = min(16 * BLOCK, self._size - self._scanned)
        chunk = os.pread(handle, room, self._scanned)
        whole = chunk.rfind(b"\n") + 1
        if not whole:
            if len(chunk) < 16 * BLOCK:
                return 0
            whole = len(chunk)  # one endless line: look at it in pieces
        low = chunk[:whole].lower()
        counted, line = 0, self._scanned_ends
        found = low.find(self.needle)
        while found >= 0:
            line += low.count(b"\n", counted, found)
            counted = found
            if not self._hits or self._hits[-1] != line:
                self._hits.append(line)
            end = low.find(b"\n", found)
            found = low.find(self.needle, end) if end >= 0 else -1
        self._scanned += whole
        self._scanned_ends += low.count(b"\n")
        return whole

    def line(self, index: int) -> str:
        """The line with this index among `lines`, '' outside of them."""
        if not 0 <= index < self.lines:
            return ""
        number = self._hits[index] if self.needle else index
        if not self._first <= number < self._first + len(self._window):
            self._read_block(number)
        at = number - self._first
        return self._window[at] if 0 <= at < len(self._window) else ""

    def _read_block(self, number: int) -> None:
        """Fill the window with the lines that begin in the block where line `number` begins."""
        if self._handle is None:
            return
        block = max(0, bisect_left(self._marks, number) - 1)
        begin = block * BLOCK
        end = min(begin + BLOCK + LONGEST, self._size)
        parts = os.pread(self._handle, end - begin, begin).split(b"\n")
        last = self._marks[block + 1] if block + 1 < len(self._marks) else self._ends + 1
        first = 0 if block == 0 else 1  # the first part belongs to a line of the block before
        self._first = self._marks[block] + first
        parts = parts[first : last - self._marks[block] + 1]
        self._window = [part[:LONGEST].decode("utf-8", "replace") for part in parts]
