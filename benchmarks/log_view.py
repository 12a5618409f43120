"""The log viewer opens a gigabyte like a megabyte, in little memory, and is never far behind.

Each viewer runs by itself in a pseudo-terminal of 80x24, which is read as a terminal reads it.
Opening: seconds from the start of the process until the last line of the log is painted, both sizes
in turn, the median of several, and the process's largest resident size a moment later, when all is
counted.
Following: a log gets 10,000 lines a second that tell when they were written; a hundred times a
second it is asked how old the newest one is that was painted.
Textual's own `Log` and `RichLog` follow the same log in the same way, by reading what is new.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

OPEN_LIMIT, MEMORY_LIMIT, LAG_LIMIT = 1.5, 45.0, 0.080
DEADLINE = 60.0
RATE = 10_000

OURS = """
import sys
from pathlib import Path
from textual.app import App
from screens.base import STYLES
from screens.widgets.log_view import LogView

class Viewer(App):
    CSS_PATH = [STYLES / "app.tcss", STYLES / "pages.tcss"]
    def compose(self):
        yield LogView(Path(sys.argv[1]))
    def on_mount(self):
        self.query_one("LogLines").focus()

Viewer().run()
"""

THEIRS = """
import sys
from textual.app import App
from textual.widgets import {widget} as Widget

class Viewer(App):
    def compose(self):
        yield Widget()
    def on_mount(self):
        self.file = open(sys.argv[1])
        self.set_interval(0.04, self.poll)
    def poll(self):
        new = self.file.read()
        if new:
            self.query_one(Widget).write({strip})

Viewer().run()
"""
VIEWERS = {
    "fmtui": OURS,
    "Log": THEIRS.format(widget="Log", strip="new"),
    "RichLog": THEIRS.format(widget="RichLog", strip="new.rstrip()"),
}


class Terminal:
    """A program in a pseudo-terminal; `painted` is all that it wrote."""

    def __init__(self, program: str, log: Path) -> None:
        self.began = time.monotonic()
        self.painted = b""
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execv(sys.executable, [sys.executable, "-c", program, str(log)])
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What it writes within so many seconds, or until it writes something."""
        if not select.select([self.handle], [], [], max(seconds, 0))[0]:
            return b""
        new = os.read(self.handle, 1 << 20)
        self.painted += new
        return new

    def wait(self, words: bytes) -> float:
        """Seconds from the start until `words` were painted. Raises RuntimeError if never."""
        while words not in self.painted:
            self.read(0.1)
            if time.monotonic() - self.began > DEADLINE:
                raise RuntimeError(f"{words!r} never came: {self.painted[-2000:]!r}")
        return time.monotonic() - self.began

    def drain(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(until - time.monotonic())

    def end(self) -> float:
        """End it; its largest resident size in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.handle)
        return int(found[1]) / 1024 if found else 0.0


def write_log(path: Path, size: int) -> bytes:
    """A log of about `size` bytes; its last words."""
    block = b"".join(
        b"09:26:%02d step %d loss 0.5312 lr 9.3e-05 grad_norm 1.27\n" % (n % 60, n)
        for n in range(20_000)
    )
    with path.open("wb") as file:
        for _ in range(max(size // len(block), 1)):
            file.write(block)
        file.write(b"the very end\n")
    return b"the very end"


def opening(logs: Sequence[Path], words: bytes, times: int) -> list[tuple[float, float]]:
    """For each log, in turn: median seconds until its end is painted, and the most MiB."""
    seconds: dict[Path, list[float]] = {log: [] for log in logs}
    sizes: dict[Path, list[float]] = {log: [] for log in logs}
    for _ in range(times):
        for log in logs:
            terminal = Terminal(OURS, log)
            seconds[log].append(terminal.wait(words))
            terminal.drain(2.5)  # the beginning is counted meanwhile
            sizes[log].append(terminal.end())
    return [(statistics.median(seconds[log]), max(sizes[log])) for log in logs]


def write_lines(log: Path, stop: threading.Event) -> None:
    """10,000 lines a second, a few at a time, each with the time at which it was written."""
    began, written = time.monotonic(), 0
    with log.open("a", buffering=1 << 16) as file:
        while not stop.is_set():
            due = int((time.monotonic() - began) * RATE)
            file.write(
                "".join(f"at={time.monotonic():.4f}= step {n}\n" for n in range(written, due))
            )
            file.flush()
            written = due
            time.sleep(0.005)


def following(program: str, log: Path, seconds: float) -> list[float]:
    """How old the newest painted line is, a hundred times a second."""
    log.write_text("the very end\n")
    terminal = Terminal(program, log)
    terminal.wait(b"the very end")
    writer = os.fork()  # of its own, so that writing and reading do not wait for each other
    if writer == 0:
        stop = threading.Event()
        threading.Timer(seconds + 2, stop.set).start()
        write_lines(log, stop)
        os._exit(0)
    newest, lags, rest = 0.0, [], b""
    began = time.monotonic()
    sample = began + 1.0
    while time.monotonic() < began + seconds:
        rest = (rest + terminal.read(min(0.01, sample - time.monotonic())))[-8192:]
        stamps = re.findall(rb"at=(\d+\.\d+)=", rest)
        newest = max([newest, *map(float, stamps)])
        terminal.painted = b""
        while time.monotonic() >= sample:
            lags.append(sample - newest if newest else seconds)
            sample += 0.01
    terminal.end()
    os.waitpid(writer, 0)
    return lags


def at(lags: list[float], share: float) -> float:
    return round(sorted(lags)[int(share * (len(lags) - 1))] * 1000, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="openings of each size")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each one follows")
    parser.add_argument("--bytes", type=int, default=1_000_000_000, help="size of the large log")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory(prefix="fmtui-bench-") as folder:
        small, large = Path(folder, "small.txt"), Path(folder, "log.txt")
        words = write_log(small, 1_000_000)
        write_log(large, options.bytes)
        os.sync()  # what was just written must not be in the way of what is measured
        opening([small], words, 1)  # the compiled files
        found = opening([small, large], words, options.times)
        (small_seconds, _), (large_seconds, memory) = found
        large.unlink()
        lags = {
            name: following(program, Path(folder, f"{name}.txt"), options.seconds)
            for name, program in VIEWERS.items()
        }
    ratio = large_seconds / small_seconds
    p50 = at(lags["fmtui"], 0.5)
    checks: list[Callable[[], bool]] = [
        lambda: ratio <= OPEN_LIMIT,
        lambda: memory <= MEMORY_LIMIT,
        lambda: p50 <= LAG_LIMIT * 1000,
    ]
    result = {
        "claim": f"a log of 1 GB opens within {OPEN_LIMIT:g} times one of 1 MB, in at most "
        f"{MEMORY_LIMIT:g} MiB, and 10,000 lines a second are followed "
        f"{LAG_LIMIT * 1000:.0f} ms behind (p50)",
        "measured": {
            "bytes": options.bytes,
            "open_1mb_s": round(small_seconds, 3),
            "open_large_s": round(large_seconds, 3),
            "ratio": round(ratio, 2),
            "memory_mib": round(memory, 1),
            "lag_ms": {n: {"p50": at(v, 0.5), "p95": at(v, 0.95)} for n, v in lags.items()},
        },
        "holds": all(check() for check in checks),
    }
    print(json.dumps(result))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
