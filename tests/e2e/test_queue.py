"""Runs wait in line: the order, who holds the slot, what holds them back, and who goes first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.errors import BadInputError
from fmtui.paths import Home
from fmtui.runs import slots
from fmtui.runs.folder import RunFolder
from fmtui.runs.process import try_lock
from fmtui.services import doctor, queue, runs
from fmtui.services.context import Context
from registry.database import Database
from tests.e2e import counting
from tests.e2e.cli import Cli, until


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")


@pytest.fixture
def busy(ctx: Context) -> Iterator[slots.Slot]:
    """The only slot is held by a run of this home."""
    with slots.holding(ctx.home, "r9") as slot:
        assert slot is not None
        yield slot


def start(ctx: Context, bert: Path, number: int, *, priority: int = 0) -> list[str]:
    return [
        counting.create(ctx, bert, steps=5, priority=priority).run for _ in range(number)
    ]  # fmt: skip


def order(ctx: Context) -> list[str]:
    return [entry.run for entry in queue.entries(ctx)]


def test_every_run_that_waits_says_why(cli: Cli, ctx: Context, busy: object, bert: Path) -> None:
    start(ctx, bert, 3)
    cli.run("run", "pause", "r2")
    found = {e["run"]: e["reason"] for e in cli.json("run", "queue")}
    assert found["r1"] == "waits for a free slot: cpu is held by r9"
    assert found["r2"].startswith("paused")
    assert found["r3"] == "waits for a free slot: cpu is held by r9; behind r1"
    shown = cli.run("run", "list").stdout
    assert "cpu is held by r9; behind r1" in shown
    assert {r["run"]: r["queue_reason"] for r in cli.json("run", "list")} == found
    cli.run("run", "pause")
    assert "the queue is paused" in cli.run("run", "queue").stdout
    assert "the queue is paused" in cli.run("run", "show", "r1").stdout


def test_a_run_can_be_moved(cli: Cli, ctx: Context, busy: object, bert: Path) -> None:
    start(ctx, bert, 3)
    start(ctx, bert, 1, priority=5)
    assert order(ctx) == ["r4", "r1", "r2", "r3"]
    assert [e["run"] for e in cli.json("run", "move", "r3", "--first")] == ["r3", "r4", "r1", "r2"]
    queue.move(ctx, "r4", last=True)
    assert order(ctx) == ["r3", "r1", "r2", "r4"]
    queue.move(ctx, "r2", priority=9)
    assert order(ctx) == ["r2", "r3", "r1", "r4"]
    queue.move(ctx, "r2", priority=-1)
    assert order(ctx) == ["r3", "r1", "r4", "r2"]
    cli.run("run", "move", "r1", code=2)
    cli.run("run", "move", "r1", "--earlier", "--later", code=2)
    assert [e["run"] for e in cli.json("run", "move", "r1", "--earlier")] == [
        "r1",
        "r3",
        "r4",
        "r2",
    ]
    queue.move(ctx, "r1", by=-1)
    assert order(ctx) == ["r1", "r3", "r4", "r2"], "nothing is before the first"
    assert [e["run"] for e in cli.json("run", "move", "r3", "--later")] == ["r1", "r4", "r3", "r2"]
    assert queue.entries(ctx)[2].priority == 0, "it is still before those of a lower priority"
    queue.move(ctx, "r3", by=1)
    assert order(ctx) == ["r1", "r4", "r2", "r3"]
    assert queue.entries(ctx)[3].priority == -1
    for _ in range(80):  # more halvings than a float has digits
        queue.move(ctx, "r4", by=-1)
        queue.move(ctx, "r4", by=1)
        queue.move(ctx, "r1", by=1)
        queue.move(ctx, "r1", by=-1)
    assert order(ctx) == ["r1", "r4", "r2", "r3"]
    cli.run("run", "move", "r77", "--first", code=3)


def test_runs_start_in_their_order_and_paused_ones_wait(ctx: Context, bert: Path) -> None:
    with slots.holding(ctx.home):
        start(ctx, bert, 4)
        queue.set_paused(ctx, "r1", True)
        queue.move(ctx, "r4", first=True)
    runs.dispatch(ctx)
    until(lambda: [r.state for r in runs.list_runs(ctx)][:3] == ["completed"] * 3)
    begun = sorted((runs.show(ctx, r).started or "", r) for r in ("r2", "r3", "r4"))
    assert [run for _, run in begun] == ["r4", "r2", "r3"]
    assert runs.show(ctx, "r1").state == "queued"
    queue.set_paused(ctx, "r1", False)
    assert runs.wait(ctx, "r1").state == "completed"


def test_a_paused_queue_starts_nothing_and_says_so(cli: Cli, ctx: Context, bert: Path) -> None:
    cli.run("run", "pause")
    start(ctx, bert, 1)
    assert "the queue is paused" in cli.json("run", "queue")[0]["reason"]
    assert RunFolder(ctx.home.runs / "r1").supervisor() is None
    cli.run("run", "unpause")
    assert runs.wait(ctx, "r1").state == "completed"
    assert cli.json("run", "queue") == []
    done = cli.run("run", "pause", "r1", code=4)
    assert "it is completed" in done.stderr


def test_slots_are_configured(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()
    assert slots.pool(home).names == ("cpu",)
    home.config.write_text("[slots]\ncpu = 2\n")
    pool = slots.pool(home)
    assert pool.names == ("cpu", "cpu.2")
    cores = len(os.sched_getaffinity(0))
    threads = str(max(1, cores // 2))
    assert pool.env["cpu.2"] == {"FMTUI_THREADS": threads, "OMP_NUM_THREADS": threads}
    monkeypatch.setenv("FMTUI_SLOTS", "cpu=3,gpu=2")
    assert slots.pool(home).names == ("cpu", "cpu.2", "cpu.3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    pool = slots.pool(home)
    assert pool.names == ("gpu0", "gpu3", "gpu0.2", "gpu3.2")
    assert pool.env["gpu3.2"] == {"CUDA_VISIBLE_DEVICES": "3"}


@pytest.mark.parametrize("value", ['"many"', "0", "-1", "nan"])
def test_a_slot_count_that_cannot_be_is_refused(home: Home, value: str) -> None:
    home.root.mkdir()
    home.config.write_text(f"[slots]\ncpu = {value}\n")
    with pytest.raises(BadInputError, match=r"\[slots\] cpu"):
        slots.pool(home)


def test_two_people_on_one_machine_take_turns(
    home: Home, tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared-slots"
    monkeypatch.setenv("FMTUI_SLOT_DIR", str(shared))
    mine, other = Context(home, Database(home.registry)), Home(tmp_path / "other")
    with slots.holding(other, "r5"):
        assert shared.stat().st_mode & 0o7777 == 0o1777
        assert (shared / "cpu.lock").stat().st_mode & 0o777 == 0o666
        start(mine, bert, 1)
        (entry,) = queue.entries(mine)
        assert entry.reason == "waits for a free slot: cpu is held by r5 of another home"
        holder = json.loads((shared / "cpu.lock").read_text())
        (shared / "cpu.lock").write_text(json.dumps(holder | {"user": "anna"}))
        assert queue.entries(mine)[0].reason.endswith("cpu is held by r5 of anna")
    # Nobody of this home ends or looks: the run goes on by itself all the same.
    exit_file = home.runs / "r1" / "exit.json"
    until(exit_file.exists, seconds=30)
    assert runs.show(mine, "r1").state == "completed"


@pytest.mark.skipif(os.geteuid() != 0, reason="being two users in turn needs root")
def test_another_user_s_slot_file_can_be_locked_too() -> None:
    code = (
        "import os, sys, pathlib; from fmtui.runs.process import try_lock;"
        "os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]));"
        "print(try_lock(pathlib.Path(sys.argv[1]), mode=0o666) is not None)"
    )
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o1777)
        for user in ("65534", "12345", "65534"):
            words = [sys.executable, "-c", code, str(Path(folder) / "cpu.lock"), user]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.stdout.strip() == "True", done.stderr


def test_asking_for_a_lock_does_not_take_it(tmp_path: Path) -> None:
    """Lookers must neither turn away the supervisor nor take each other for one."""
    path = tmp_path / "lock"
    path.touch()
    looker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from fmtui.runs.process import is_locked\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "print('looks', flush=True)\n"
            "while True: assert not is_locked(path) or (path.parent / 'held').exists()",
            str(path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert looker.stdout is not None
    looker.stdout.readline()
    (tmp_path / "held").touch()
    for _ in range(3000):
        handle = try_lock(path)
        assert handle is not None
        os.close(handle)
    looker.kill()
    _, said = looker.communicate()
    assert not said


def test_doctor_counts_the_slots(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FMTUI_SLOTS", "cpu=2")
    with slots.holding(ctx.home):
        found = {c.name: c.found for c in doctor.examine(ctx)}
    assert "1 of 2 slots free" in found["compute"]
