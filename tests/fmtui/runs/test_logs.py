"""A log in parts: a run that prints for ever does not fill the disk, and no line is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fmtui.runs import logs
from fmtui.runs.logs import LogReader

WRITER = """
import os, sys, threading
from pathlib import Path
from fmtui.runs import logs
log, lines, limit, keep = Path(sys.argv[1]), *map(int, sys.argv[2:5])
logs.write_here(log)
done = threading.Event()
def turn():
    while not done.is_set():
        logs.rotate(log, limit=limit, keep=keep)
thread = threading.Thread(target=turn)
thread.start()
for i in range(lines):
    os.write(1 + i % 2, b"line %d\\n" % i)
done.set()
thread.join()
"""


def writer(log: Path, lines: int, *, limit: int, keep: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", WRITER, str(log), str(lines), str(limit), str(keep)]
    return subprocess.Popen(words, stderr=subprocess.PIPE)


def everything(reader: LogReader) -> bytes:
    content = b""
    while chunk := reader.read():
        content += chunk
    return content


def test_no_line_is_lost_or_doubled_while_parts_change(tmp_path: Path) -> None:
    log, lines = tmp_path / "log.txt", 40_000
    reader, followed = LogReader(log), b""
    process = writer(log, lines, limit=20_000, keep=1000)
    while process.poll() is None:
        followed += reader.read()
    followed += everything(reader)
    assert process.returncode == 0
    assert followed == everything(LogReader(log))
    numbers = [int(n) for n in followed.split()[1::2]]
    assert followed == b"".join(b"line %d\n" % n for n in numbers)
    for stream in (0, 1):  # of stdout and of stderr, each in its order
        assert [n for n in numbers if n % 2 == stream] == list(range(stream, lines, 2))
    assert len(logs.parts(log)) > 3
    assert logs.dropped(log) == 0


def test_the_oldest_parts_are_dropped(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    process = writer(log, 40_000, limit=20_000, keep=2)
    process.communicate()
    assert len(logs.parts(log)) == 3
    content = everything(LogReader(log))
    assert content.endswith(b"line 39999\n")
    assert content.count(b"\n") * 11 >= 40_000  # two whole parts and what was written after them
    assert LogReader(log).dropped == logs.dropped(log) > 0


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_between_two_parts_loses_nothing(tmp_path: Path, renamed: bool) -> None:
    log = tmp_path / "log.txt"
    (tmp_path / ("log.1.txt" if renamed else "log.txt")).write_text("old\n")
    (tmp_path / "log.next.txt").write_text("new\n")
    logs.recover(log)  # done by whoever finds the run dead, and by its next attempt
    assert everything(LogReader(log)) == b"old\nnew\n"
    assert [p.name for p in logs.parts(log)] == ["log.1.txt", "log.txt"]


def test_half_a_line_of_a_killed_writer_gets_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("whole\nhal")
    writer(log, 1, limit=1000, keep=1).communicate()
    assert log.read_text() == "whole\nhal\nline 0\n"


def test_the_log_of_another_process_is_no_part(tmp_path: Path) -> None:
    for name in ("log.txt", "log.rank1.txt", "log.rank1.2.txt", "log.2.txt", "log.x.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in logs.parts(tmp_path / "log.txt")] == ["log.2.txt", "log.txt"]
    assert [p.name for p in logs.parts(tmp_path / "log.rank1.txt")] == [
        "log.rank1.2.txt",
        "log.rank1.txt",
    ]
