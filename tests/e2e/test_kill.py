"""kill -9 at random moments, seeded: of the TUI, of commands, supervisors, workers (also in the
middle of a checkpoint) and of whoever registers a result. Nothing is lost, nothing lies."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.paths import Home
from fmtui.runs.checkpoints import COMPLETE
from fmtui.runs.folder import ENDED, RunFolder, all_folders
from fmtui.runs.process import Identity
from fmtui.services import models, runs
from fmtui.services.context import Context
from registry import runs as rows
from registry.database import Database
from registry.run_list import find_runs
from tests.e2e import counting
from tests.e2e.cli import until
from tests.e2e.terminal import Terminal

STEPS = 300
KILLED = ("SIGKILL", "are gone", "SIGTERM")


class Storm:
    """One home with runs in it, and kills that fall on it."""

    def __init__(self, seed: int, home: Home, model: Path) -> None:
        self.rng = random.Random(seed)
        self.ctx = Context(home, Database(home.registry))
        self.home = home
        self.model = model
        self.kills: Counter[str] = Counter()
        self.env = {**os.environ, "FMTUI_HOME": str(home.root)}
        home.root.mkdir(exist_ok=True)
        home.config.write_text("[runs]\nlog_mb = 0.002\nlog_parts = 1000\n")

    def strike(self, kinds: list[str]) -> None:
        """One kill, of something that was alive; then everything shown must be true."""
        self._keep_busy()
        kind = self.rng.choice(kinds)
        if getattr(self, f"_{kind}")():
            self.kills[kind] += 1
        self.check_truth()

    def _keep_busy(self) -> None:
        for info in runs.list_runs(self.ctx):
            if info.state == "failed":
                assert any(words in (info.error or "") for words in KILLED), info.error
                if self.rng.random() < 0.7:  # else a command that may be killed does it
                    runs.resume(self.ctx, info.run)
        if runs.active(self.ctx) < 3:
            counting.create(self.ctx, self.model, steps=STEPS)

    def check_truth(self) -> None:
        held = {folder.id for folder in all_folders(self.home.runs) if folder.held()}
        for info in runs.list_runs(self.ctx):
            folder = RunFolder(self.home.runs / info.run)
            if info.state not in (*ENDED, "queued") and info.id not in held:
                assert folder.held(), f"{info.run} is shown as {info.state}"

    def _kill(self, find: Callable[[RunFolder], Identity | None], delay: float) -> bool:
        """Kill what is found for any run, `delay` seconds after it was found."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            folders = [f for f in all_folders(self.home.runs) if f.held() or f.exit() is None]
            self.rng.shuffle(folders)
            for folder in folders:
                victim = find(folder)
                if victim is not None and victim.alive():
                    time.sleep(delay)
                    if victim.signal(signal.SIGKILL):
                        until(lambda victim=victim: not victim.alive())
                        return True
            time.sleep(0.005)
        return False

    def _supervisor(self) -> bool:
        return self._kill(RunFolder.supervisor, self.rng.uniform(0, 0.5))

    def _worker(self) -> bool:
        return self._kill(RunFolder.worker, self.rng.uniform(0, 0.8))

    def _both(self) -> bool:
        done = self._kill(RunFolder.supervisor, self.rng.uniform(0, 0.3))
        return self._kill(RunFolder.worker, self.rng.uniform(0, 0.1)) and done

    def _checkpoint(self) -> bool:
        def half_written(folder: RunFolder) -> Identity | None:
            with contextlib.suppress(OSError):
                for path in folder.checkpoints.iterdir():
                    if not (path / COMPLETE).exists():
                        return folder.worker()
            return None

        return self._kill(half_written, self.rng.uniform(0, 0.01))

    def _settling(self) -> bool:
        """The process that registers a result, at any moment of it."""
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            for pid in self._settlers():
                victim = Identity.of(pid)
                time.sleep(self.rng.uniform(0, 0.7))
                if victim is not None and victim.signal(signal.SIGKILL):
                    return True
            time.sleep(0.01)
        return False

    def _settlers(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"fmtui.services.settle" in words and str(self.home.root).encode() in words:
                    found.append(int(entry.name))
        return found

    def _command(self) -> bool:
        words = ["-m", "tests.e2e.counting", "create", str(self.model)]
        failed = [r for r in find_runs(self.ctx.db) if r.state == "failed"]
        if failed:
            words = ["-m", "fmtui", "run", "resume", failed[0].run, "--wait", "-q"]
        elif self.rng.random() < 0.3:
            words = ["-m", "fmtui", "run", "list"]
        command = subprocess.Popen(
            [sys.executable, *words], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(self.rng.uniform(0.02, 0.3))
        alive = command.poll() is None
        command.kill()
        command.wait()
        return alive

    def _tui(self) -> bool:
        with Terminal(self.env) as terminal:
            terminal.until("156")
            terminal.press("4")
            time.sleep(self.rng.uniform(0, 1.0))
            terminal.kill()
        return True

    def calm(self) -> None:
        """Let everything come to its end, then look at what is there."""

        def all_done() -> bool:
            found = runs.list_runs(self.ctx)
            for info in found:
                if info.state == "failed":
                    assert any(words in (info.error or "") for words in KILLED), info.error
                    runs.resume(self.ctx, info.run)
            return all(info.state == "completed" for info in found)

        until(all_done, seconds=150)
        found = runs.list_runs(self.ctx)
        outputs = [info.output for info in found]
        assert sorted(outputs) == sorted({m.ref for m in models.list_models(self.ctx)})
        for info in found:
            folder = RunFolder(self.home.runs / info.run)
            counting.check_log(folder)
            for points in (runs.metrics(self.ctx, info.run), rows.metrics(self.ctx.db, info.id)):
                assert [(p.step, p.value) for p in points] == [
                    (step, 1 / step) for step in range(1, STEPS + 1)
                ]
            assert not folder.checkpoints.exists()
            assert not (folder.path / "reserve").exists()
            until(lambda folder=folder: not folder.held(), seconds=20)


def storm(seed: int, home: Home, model: Path, kinds: list[str], kills: int) -> None:
    weather = Storm(seed, home, model)
    try:
        while weather.kills.total() < kills:
            weather.strike(kinds)
        weather.calm()
    finally:
        print(dict(weather.kills))
        for folder in all_folders(home.runs):
            folder.cancel_request.touch()
            for identity in (folder.supervisor(), folder.worker()):
                if identity is not None:
                    identity.signal(signal.SIGKILL)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")
    monkeypatch.setenv("FMTUI_SLOTS", "cpu=3")


def test_kills_lose_nothing(home: Home, bert: Path) -> None:
    storm(0, home, bert, ["supervisor", "worker", "checkpoint", "settling", "command", "both"], 8)


@pytest.mark.stress
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 13))
def test_two_hundred_kills_lose_nothing(home: Home, bert: Path, seed: int) -> None:
    kinds = ["supervisor", "worker", "checkpoint", "settling", "command", "both", "tui"]
    storm(seed, home, bert, kinds, 18)
