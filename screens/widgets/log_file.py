"""A growing log by lines, read where it is looked at: a gigabyte opens like a kilobyte.

The index is sparse: how many lines ended before each block of 64 KiB. A line is found by
bisection in it and read from its block, so nothing is held but the index and one block of lines.
The end is counted first; what lies before it is counted afterwards, and then all lines get the
numbers that they have in the whole log (`shift` tells by how much they moved).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from pathlib import Path

from fmtui.services.logs import LogBytes, collapsed, searchable

BLOCK = 64 * 1024
LONGEST = 16 * 1024
"""What is shown of a line at most, in bytes."""
_TAIL = 4 * BLOCK
_SLICE = 16 * 1024 * 1024


class LogFile:
    """Lines of a log that others append to, its older parts first.

    `grow` takes in what is new, at most so many bytes a call; `lines` counts what was taken in,
    a last line without its end included. With a filter only whole lines that hold it count, or,
    where `only` is False, all lines count and `hit` finds those that hold it.
    """

    def __init__(self, path: Path) -> None:
        self.bytes = LogBytes(path)
        self.needle = b""
        self.only = True
        self.shift = 0
        self._generation = 0
        self._reset()

    def _reset(self) -> None:
        self._size: int | None = None
        self._anchor = 0
        self._ends = 0
        self._marks = array("Q", [0])
        self._head, self._head_ends, self._head_marks = 0, 0, array("Q", [0])
        self._open_line = False
        self._first, self._window = 0, list[str]()
        self.filter(self.needle.decode(), only=self.only)

    def close(self) -> None:
        self.bytes.close()

    @property
    def lines(self) -> int:
        return len(self._hits) if self.needle and self.only else self._ends + self._open_line

    @property
    def whole(self) -> bool:
        """Whether the lines before the end have been counted too."""
        return self._anchor == 0

    @property
    def searched(self) -> bool:
        """Whether all that was taken in has been looked through for the words."""
        return not self.needle or self._scanned + BLOCK > (self._size or 0)

    def filter(self, words: str, *, only: bool = True) -> None:
        """Look for these words, whatever their case; with `only`, give no other lines."""
        self.only = only
        self.needle = words.lower().encode()
        self._hits = array("Q")
        self._scanned = 0
        self._scanned_ends = 0

    def number(self, index: int) -> int:
        """The number that the line with this index has in the whole log."""
        filtered = self.needle and self.only
        return self._hits[index] if filtered and 0 <= index < len(self._hits) else index

    def hit(self, number: int, step: int) -> int | None:
        """The next line after (`step` 1) or before (-1) line `number` that holds the words."""
        at = bisect_left(self._hits, number + 1 if step > 0 else number) - (step < 0)
        return self._hits[at] if 0 <= at < len(self._hits) else None

    def grow(self, budget: int = _SLICE) -> bool:
        """Take in what was appended. True when anything changed: call again until it is False."""
        size = self.bytes.look()
        if self._generation != self.bytes.generation:
            self._generation = self.bytes.generation
            self._reset()
        if self._size is None:
            if not size:
                return False
            self._anchor = max(0, size - _TAIL) // BLOCK * BLOCK
            self._size = self._anchor
            budget = _TAIL + BLOCK  # the end is shown before anything else is done
        before = self._size, self._head, self._scanned
        while self._size < size and budget > 0:
            budget -= self._take(self.bytes.read(BLOCK - self._size % BLOCK, self._size))
        while self._head < self._anchor and budget > 0:
            budget -= self._take_head(self.bytes.read(BLOCK, self._head))
        if self._anchor and self._head >= self._anchor:
            self._join()
        while self.needle and self.whole and self._scanned < self._size and budget > 0:
            read = self._scan()
            if not read:
                break
            budget -= read
        return (self._size, self._head, self._scanned) != before

    def _take(self, chunk: bytes) -> int:
        """Count the next bytes at the end."""
        assert self._size is not None
        if not chunk:  # it was cut short this moment
            return _SLICE
        self._size += len(chunk)
        self._ends += chunk.count(b"\n")
        self._open_line = not chunk.endswith(b"\n")
        if self._size % BLOCK == 0:
            self._marks.append(self._ends)
        self._window = []
        return len(chunk)

    def _take_head(self, chunk: bytes) -> int:
        """Count the next block of what lies before the end."""
        self._head += len(chunk)
        self._head_ends += chunk.count(b"\n")
        self._head_marks.append(self._head_ends)
        return len(chunk) or _SLICE

    def _join(self) -> None:
        """All was counted: from here on lines have the numbers that they have in the whole log."""
        del self._head_marks[-1]
        self._head_marks.extend(mark + self._head_ends for mark in self._marks)
        self._marks, self._head_marks = self._head_marks, array("Q", [0])
        self._ends += self._head_ends
        self.shift += self._head_ends
        self._anchor, self._window = 0, []

    def take_shift(self) -> int:
        """By how much the numbers of lines moved since this was last asked."""
        shift, self.shift = self.shift, 0
        return shift

    def _scan(self) -> int:
        """Look for the filter's words in the next whole lines; the number of bytes looked at."""
        assert self._size is not None
        room = min(16 * BLOCK, self._size - self._scanned)
        chunk = self.bytes.read(room, self._scanned)
        whole = chunk.rfind(b"\n") + 1
        if not whole:
            if len(chunk) < 16 * BLOCK:
                return 0
            whole = len(chunk)  # one endless line: look at it in pieces
        low = searchable(chunk[:whole])
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
        number = self.number(index)
        if not self._first <= number < self._first + len(self._window):
            self._read_block(number)
        at = number - self._first
        return self._window[at] if 0 <= at < len(self._window) else ""

    def _read_block(self, number: int) -> None:
        """Fill the window with the lines that begin in the block where line `number` begins."""
        assert self._size is not None
        block = max(0, bisect_left(self._marks, number) - 1)
        begin = self._anchor + block * BLOCK
        end = min(begin + BLOCK + LONGEST, self._size)
        lines = self.bytes.read(end - begin, begin).split(b"\n")
        last = self._marks[block + 1] if block + 1 < len(self._marks) else self._ends + 1
        first = 0 if block == 0 else 1  # the first part belongs to a line of the block before
        self._first = self._marks[block] + first
        lines = lines[first : last - self._marks[block] + 1]
        if lines and len(lines[-1]) > LONGEST and end < self._size:
            lines[-1] = self._long(lines[-1], self._first + len(lines) - 1)
        self._window = [collapsed(line)[:LONGEST].decode("utf-8", "replace") for line in lines]

    def _long(self, begun: bytes, number: int) -> bytes:
        """A line that is longer than what was read of it: a progress bar is shown by its end."""
        assert self._size is not None
        block = bisect_left(self._marks, number + 1) - 1
        end = self._anchor + block * BLOCK
        rest = self.bytes.read(min(BLOCK, self._size - end), end)
        found = rest.find(b"\n")
        end = end + found if found >= 0 else self._size
        tail = self.bytes.read(LONGEST, end - LONGEST).rstrip(b"\r")
        return tail if b"\r" in tail else begun
