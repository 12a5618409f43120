"""A file that is being fetched: its bytes, and beside it how far each of its parts has come.

Both outlive the process, so that whoever comes next fetches only what is missing. What was
written before the machine itself went down counts only as far as it was brought to the disk.
"""

from __future__ import annotations

import fcntl
import os
import struct
import uuid
from contextlib import suppress
from pathlib import Path

_HEAD = struct.Struct("<16sQ")
_PAIR = struct.Struct("<QQ")
_SYNC_EVERY = 32 << 20
PART = 32 << 20
"""Files of two parts and more are fetched over several connections."""
CONNECTIONS = 4


class Partial:
    """`<name>.incomplete` and `<name>.parts`, locked against other processes while it is open."""

    def __init__(self, blob: Path, size: int) -> None:
        self.path = blob.with_name(blob.name + ".incomplete")
        self._map_path = blob.with_name(blob.name + ".parts")
        self.size = size
        blob.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open_locked()
        self._map = os.open(self._map_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        count = min(CONNECTIONS, max(1, size // PART))
        step = -(-size // count) if size else 0
        self.spans = [(i * step, min(size, (i + 1) * step)) for i in range(count)]
        self.done, self._synced = self._load()

    def _open_locked(self) -> int:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Another process may have given it its name, or removed it, while this one waited.
            with suppress(OSError):
                if self.path.samefile(f"/proc/self/fd/{handle}"):
                    return handle
                if os.fstat(handle).st_ino == self.path.stat().st_ino:
                    return handle
            os.close(handle)

    def _load(self) -> tuple[list[int], list[int]]:
        """How much of each part is there, and how much of it has reached the disk."""
        count = len(self.spans)
        raw = os.pread(self._map, _HEAD.size + _PAIR.size * count + 1, 0)
        pairs = [(0, 0)] * count
        if len(raw) == _HEAD.size + _PAIR.size * count:
            boot, size = _HEAD.unpack_from(raw)
            pairs = list(_PAIR.iter_unpack(raw[_HEAD.size :]))
            if boot != _boot():
                pairs = [(synced, synced) for _, synced in pairs]
            lengths = [end - start for start, end in self.spans]
            if size != self.size or any(n > m for (n, _), m in zip(pairs, lengths, strict=True)):
                pairs = [(0, 0)] * count
        os.ftruncate(self._file, self.size)
        os.ftruncate(self._map, 0)
        os.pwrite(
            self._map,
            _HEAD.pack(_boot(), self.size) + b"".join(_PAIR.pack(*pair) for pair in pairs),
            0,
        )
        return [done for done, _ in pairs], [synced for _, synced in pairs]

    def write(self, part: int, content: bytes) -> None:
        """Add bytes to a part. Raises OSError when the disk is full."""
        start, end = self.spans[part]
        at = start + self.done[part]
        content = content[: end - at]
        while content:
            count = os.pwrite(self._file, content, at)
            content, at = content[count:], at + count
        self.done[part] = at - start
        if self.done[part] - self._synced[part] >= _SYNC_EVERY:
            os.fdatasync(self._file)
            self._synced[part] = self.done[part]
        place = _HEAD.size + part * _PAIR.size
        os.pwrite(self._map, _PAIR.pack(self.done[part], self._synced[part]), place)

    def missing(self, part: int) -> tuple[int, int]:
        """The first byte that a part lacks, and the end of the part."""
        start, end = self.spans[part]
        return start + self.done[part], end

    def restart(self) -> None:
        """Forget all that came, and take the rest in one piece."""
        self.spans = [(0, self.size)]
        self.done, self._synced = [0], [0]
        os.ftruncate(self._map, 0)

    def finish(self, blob: Path) -> None:
        """Give the file its name: it is complete, and was checked."""
        os.fsync(self._file)
        self.path.replace(blob)
        self._map_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove it: what came was wrong."""
        self.path.unlink(missing_ok=True)
        self._map_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave what came for the next try; a file that holds nothing is removed."""
        if not any(self.done) and self.path.exists():
            self.drop()
        os.close(self._map)
        os.close(self._file)


def _boot() -> bytes:
    try:
        return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).bytes
    except (OSError, ValueError):
        return bytes(16)
