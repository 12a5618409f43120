"""Processes that outlive their parent, and the proof that one is alive.

A process is known by (pid, start time, boot id), so that a pid that was used again or a reboot
can't be taken for it. Whoever works in a folder holds a lock on a file in it; children inherit
the open file, so the lock is free only when all of them are gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TOKEN = "FMTUI_RUN_TOKEN"
"""In the environment of all that a run starts (its folder), so that strays are found."""

AFTERWARDS = "FMTUI_RUN_AFTERWARDS"
"""In a worker's environment: the module that writes its end into the registry, which the worker
itself starts where its supervisor is gone."""

_PR_SET_CHILD_SUBREAPER = 36
_FLOCK = "hhqqi4x"
"""struct flock: type, whence, start, length (0: to the end), pid."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for ever: `started` is its field 22 of /proc/PID/stat, ticks since boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a live process, None when there is none (a zombie counts as none)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat[stat.rindex(")") + 2 :].split()
        if fields[0] in "ZX":
            return None
        return cls(pid, int(fields[19]), boot_id())

    @classmethod
    def load(cls, path: Path) -> Identity | None:
        """The identity that was written to `path`, None when there is no whole one."""
        try:
            values = json.loads(path.read_text())
            return cls(int(values["pid"]), int(values["started"]), str(values["boot"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def alive(self) -> bool:
        return Identity.of(self.pid) == self

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    def signal(self, number: int) -> bool:
        """Send a signal if the process is still this one; False when it is gone."""
        if not self.alive():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def signal_group(self, number: int) -> bool:
        """Send a signal to the process's group if it leads one and is still this one."""
        if not self.alive():
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
            return True
        return False


def boot_id() -> str:
    """This boot's id, '' where the kernel has none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def write_json(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old one or the new one: temp, fsync, rename."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode(), mode=mode)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Like `write_json`, for any bytes. The temp file is never readable by more than `mode`."""
    temp = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def try_lock(path: Path, *, mode: int = 0o644) -> int | None:
    """Take the lock on `path`: an open file that holds it, None when another has it.

    The lock belongs to the open file: it is free when the last process that inherited it is gone.
    A new file gets exactly the rights in `mode`. Raises OSError, where the disk is full too.
    """
    handle = _open_or_make(path, mode)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_WRLCK))
    except OSError as error:
        os.close(handle)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    return handle


def _open_or_make(path: Path, mode: int) -> int:
    """Open a file to lock it. Never O_CREAT on one that exists: in a folder that many may write
    to (sticky, as /tmp), the kernel refuses that to all but its owner."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            os.fchmod(handle, mode)
            return handle


def _whole_file(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


@contextlib.contextmanager
def locked(path: Path, *, timeout: float = 10.0) -> Iterator[int]:
    """Hold the lock on `path`; waits at most `timeout` seconds, then raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while (handle := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is locked")
        time.sleep(0.02)
    try:
        yield handle
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock on `path`; asks without taking it, so that nobody who
    wants it just now is turned away, and two who ask do not take each other for its holder."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _whole_file(fcntl.F_WRLCK))
    finally:
        os.close(handle)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def become_subreaper() -> None:
    """Adopt the orphans of this process's children, so that they can be waited for (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spawn_detached(
    module: str,
    arguments: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    scope: bool = False,
) -> None:
    """Start `python -m module arguments` so that it outlives this process and its terminal.

    A session of its own, and a double fork: the child that is waited for here is only a stepping
    stone (`fmtui.runs.detach`), so that no zombie stays and the caller is nobody's parent. With
    `scope` it gets a scope of systemd's where there is one, so that logging out ends nothing.
    It belongs to no run, whoever starts it.
    """
    command = [sys.executable, "-P", "-m", "fmtui.runs.detach"]
    command += [*(["--scope"] if scope else []), str(log), module, *arguments]
    given = os.environ if env is None else env
    own = {k: v for k, v in given.items() if k not in (TOKEN, AFTERWARDS)}
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=own,
        cwd=cwd,
        start_new_session=True,
        check=True,
    )


def end_group(identity: Identity, *, grace: float) -> bool:
    """SIGTERM to the process's group, SIGKILL after `grace` seconds; True when it is gone."""
    if not identity.signal_group(signal.SIGTERM):
        return True
    deadline = time.monotonic() + grace
    while identity.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    identity.signal_group(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while identity.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not identity.alive()


def token_of(folder: Path) -> str:
    """What stands in the environment of all that the run in `folder` starts."""
    return os.path.realpath(folder)


def strays(folder: Path) -> list[Identity]:
    """The live processes that the run in `folder` started, wherever they went since."""
    needle = f"{TOKEN}={token_of(folder)}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                identity = Identity.of(int(entry.name))
                found += [identity] if identity else []
    return found


def sweep(folder: Path, *, timeout: float = 10.0) -> bool:
    """Kill all that the run in `folder` started; True when none of it is left."""
    deadline = time.monotonic() + timeout
    while found := strays(folder):
        for identity in found:
            with contextlib.suppress(PermissionError):
                identity.signal(signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
