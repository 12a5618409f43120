"""A real terminal: a pty whose screen is kept by pyte, driven by keys."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "up": "\x1b[A", "down": "\x1b[B",
    "ctrl+s": "\x13", "ctrl+p": "\x10", "ctrl+c": "\x03", "ctrl+d": "\x04", "backspace": "\x7f",
}  # fmt: skip


class Terminal:
    """`fmtui` in an 80x24 terminal."""

    def __init__(self, env: Mapping[str, str], *, columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            child = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(sys.executable, [sys.executable, "-m", "fmtui"], child)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print("\n".join(f"|{line}|" for line in self.screen.display))
        self.kill()

    def text(self) -> str:
        """What stands on the screen now."""
        self._read(0.0)
        return "\n".join(self.screen.display)

    def press(self, *keys: str) -> None:
        """Press keys by name, each handled before the next; other words are typed as they are."""
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())
            self._read(0.15)

    def until(self, condition: str | Callable[[str], object], *, seconds: float = 30.0) -> str:
        """Wait until a text is on the screen, or a condition holds of it."""
        deadline = time.monotonic() + seconds
        while True:
            self._read(0.1)
            text = self.text()
            if condition in text if isinstance(condition, str) else condition(text):
                return text
            assert time.monotonic() < deadline, f"{condition!r} did not come:\n{text}"

    def ended(self, *, seconds: float = 10.0) -> int:
        """Wait for the program's end; its exit code, negative for a signal."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the program did not end")

    def kill(self) -> None:
        """kill -9 of the program."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self, seconds: float) -> None:
        """Take in what the program writes, until it is silent for `seconds`."""
        ready = select.poll()  # `select` knows no number of a file above 1023
        if self._fd >= 0:
            ready.register(self._fd, select.POLLIN)
        while self._fd >= 0 and ready.poll(seconds * 1000):
            try:
                content = os.read(self._fd, 65536)
            except OSError:  # the other end is closed
                return
            if not content:
                return
            self._stream.feed(content)
