"""The terminal goes away: a closed connection (SIGHUP), a tmux server that is ended. Runs go on."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fmtui.runs.folder import RunFolder
from fmtui.services import queue, runs
from fmtui.services.context import Context
from tests.e2e import counting
from tests.e2e.cli import until

STEPS = 300


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")


@pytest.fixture
def canceled(ctx: Context, bert: Path) -> RunFolder:
    """A run that was canceled before it began: `fmtui run resume r1 --wait` starts it."""
    queue.set_paused(ctx, None, True)
    info = counting.create(ctx, bert, steps=STEPS, pause=0.01)
    runs.cancel(ctx, info.run)
    queue.set_paused(ctx, None, False)
    return RunFolder(ctx.home.runs / info.run)


COMMAND = (sys.executable, "-m", "fmtui", "run", "resume", "r1", "--wait")


def completes(ctx: Context, folder: RunFolder) -> None:
    assert folder.exit() is None
    until(lambda: folder.exit() is not None)
    assert runs.show(ctx, "r1").state == "completed"
    assert counting.log_lines(folder) == list(range(1, STEPS + 1))


def under_way(folder: RunFolder) -> bool:
    return folder.log.exists() and "line 3" in folder.log.read_text()


def test_a_run_outlives_the_terminal_that_started_it(ctx: Context, canceled: RunFolder) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], COMMAND)
    until(lambda: under_way(canceled))
    os.close(terminal)  # the kernel sends SIGHUP to all in its foreground
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGHUP
    completes(ctx, canceled)


def test_a_run_outlives_the_tmux_server(
    ctx: Context, canceled: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    tmux = ("tmux", "-L", "fmtui-test", "-f", os.devnull)
    subprocess.run([*tmux, "new-session", "-d", *COMMAND], check=True)
    until(lambda: under_way(canceled))
    found = subprocess.run(
        [*tmux, "display-message", "-p", "#{pid}"], capture_output=True, text=True, check=True
    )
    server = int(found.stdout)
    subprocess.run([*tmux, "kill-server"], check=True)
    until(lambda: not Path(f"/proc/{server}").exists(), seconds=10)
    completes(ctx, canceled)
