"""A run whose log is cut into parts while it is followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fmtui.runs import logs
from fmtui.runs.folder import RunFolder
from fmtui.services import runs
from fmtui.services.context import Context
from tests.e2e import counting
from tests.e2e.cli import Cli

STEPS = 1500


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")


def test_a_log_is_followed_across_its_parts(cli: Cli, ctx: Context, bert: Path) -> None:
    ctx.home.root.mkdir()
    ctx.home.config.write_text("[runs]\nlog_mb = 0.02\nlog_parts = 100\n")
    info = counting.create(ctx, bert, steps=STEPS, pause=0.003, filler=60)
    followed = cli.run("run", "logs", info.run, "-f").stdout
    folder = RunFolder(ctx.home.runs / info.run)
    assert runs.wait(ctx, info.run).state == "completed"
    assert [int(n) for n in re.findall(r" line (\d+) x", followed)] == list(range(1, STEPS + 1))
    assert counting.log_lines(folder) == list(range(1, STEPS + 1))
    assert len(logs.parts(folder.log)) >= 2
    some = cli.run("run", "logs", info.run, "--grep", "LINE 149").stdout.splitlines()
    assert len(some) == 11


def test_what_was_dropped_is_told(cli: Cli, ctx: Context, bert: Path) -> None:
    ctx.home.root.mkdir()
    ctx.home.config.write_text("[runs]\nlog_mb = 0.001\nlog_parts = 1\n")
    info = counting.create(ctx, bert, steps=STEPS, pause=0.003, filler=60)
    assert runs.wait(ctx, info.run).state == "completed"
    folder = RunFolder(ctx.home.runs / info.run)
    assert len(logs.parts(folder.log)) == 2
    done = cli.run("run", "logs", info.run)
    assert "parts of this log were dropped" in done.stderr
    assert f"line {STEPS} " in done.stdout
    assert "of the log are gone" in folder.journal.read_text()
