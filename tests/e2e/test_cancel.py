"""Ending a run: what it gets time for, what is ended by force, and that nothing of it is left."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.errors import ConflictError
from fmtui.runs.folder import RunFolder, all_folders
from fmtui.runs.process import Identity, strays
from fmtui.runs.state import SILENT_SECONDS
from fmtui.services import ending, queue, runs
from fmtui.services.context import Context
from tests.e2e import counting
from tests.e2e.cli import Cli, until


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch, ctx: Context) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")
    yield
    for folder in all_folders(ctx.home.runs):
        for identity in (folder.supervisor(), folder.worker(), *strays(folder.path)):
            if identity is not None:
                identity.signal(signal.SIGKILL)


def counting_run(ctx: Context, bert: Path, **values: float) -> RunFolder:
    """A run that is under way."""
    info = counting.create(ctx, bert, steps=100_000, pause=0.01, **values)  # type: ignore[arg-type]
    folder = RunFolder(ctx.home.runs / info.run)
    until(lambda: folder.log.exists() and "line 3" in folder.log.read_text())
    until(lambda: folder.supervisor() is not None)
    return folder


def alive(identity: Identity | None) -> Identity:
    assert identity is not None
    assert identity.alive()
    return identity


def kill(identity: Identity | None) -> None:
    alive(identity).signal(signal.SIGKILL)
    until(lambda: not alive_now(identity))


def alive_now(identity: Identity | None) -> bool:
    return identity is not None and identity.alive()


def test_a_canceled_run_writes_its_checkpoint(ctx: Context, bert: Path) -> None:
    folder = counting_run(ctx, bert)
    assert runs.cancel(ctx, "r1").state == "canceled"
    assert not folder.held()
    last = folder.last_checkpoint()
    assert last is not None
    assert int(last.name.split("-")[1]) == counting.log_lines(folder)[-1]
    assert runs.status(ctx, "r1").resumable
    assert runs.resume_interrupted(ctx) == ([], [])  # a person wished it


def test_a_worker_that_does_not_stop_is_killed_after_the_grace(ctx: Context, bert: Path) -> None:
    ctx.home.root.mkdir(exist_ok=True)
    ctx.home.config.write_text("[runs]\ngrace_seconds = 0.5\n")
    folder = counting_run(ctx, bert, deaf=1)
    assert runs.cancel(ctx, "r1").state == "canceled"
    assert not alive_now(folder.worker())


@pytest.mark.parametrize("without_supervisor", [False, True])
def test_canceled_means_that_all_it_started_is_gone(
    ctx: Context, bert: Path, without_supervisor: bool
) -> None:
    """Also a child that made a session of its own, and also when the supervisor was killed."""
    folder = counting_run(ctx, bert, stray=1)
    until(lambda: len(strays(folder.path)) == 2)
    if without_supervisor:
        kill(folder.supervisor())
    assert runs.cancel(ctx, "r1").state == "canceled"
    assert strays(folder.path) == []


def test_a_run_that_hangs_is_shown_so_and_can_be_ended(cli: Cli, ctx: Context, bert: Path) -> None:
    folder = counting_run(ctx, bert)
    worker = alive(folder.worker())
    worker.signal(signal.SIGSTOP)
    for off in (-SILENT_SECONDS - 1, SILENT_SECONDS + 9):  # late, or the clock was set back
        silent = time.time() + off
        os.utime(folder.heartbeat, (silent, silent))
        assert cli.json("run", "show", "r1")["state"] == "not_responding"
    worker.signal(signal.SIGCONT)
    until(lambda: runs.show(ctx, "r1").state == "running")
    worker.signal(signal.SIGSTOP)
    assert cli.json("run", "cancel", "r1")["state"] == "canceled"
    # It was woken to write its checkpoint.
    assert folder.last_checkpoint() is not None


def test_a_supervisor_that_hangs_keeps_nobody_from_canceling(ctx: Context, bert: Path) -> None:
    folder = counting_run(ctx, bert)
    alive(folder.supervisor()).signal(signal.SIGSTOP)
    assert runs.cancel(ctx, "r1").state == "canceled"


def test_a_killed_supervisor_keeps_the_queue_going(ctx: Context, bert: Path) -> None:
    """The worker's end settles its run and starts the next; nobody looks meanwhile."""
    info = counting.create(ctx, bert, steps=150, pause=0.005)
    folder = RunFolder(ctx.home.runs / info.run)
    counting.create(ctx, bert, steps=5)
    until(lambda: folder.worker() is not None and folder.log.exists())
    until(lambda: "line 1" in folder.log.read_text())
    kill(folder.supervisor())
    second = RunFolder(ctx.home.runs / "r2")
    until(lambda: second.exit() is not None, seconds=30)
    row = ctx.db.read().execute("SELECT state, output_version_id FROM run WHERE id = 1").fetchone()
    assert row["state"] == "completed"
    assert row["output_version_id"] is not None


def test_a_reboot_is_told_of_and_all_it_interrupted_goes_on(
    cli: Cli, ctx: Context, bert: Path
) -> None:
    folder = counting_run(ctx, bert)
    supervisor, worker = alive(folder.supervisor()), alive(folder.worker())
    for identity, name in ((supervisor, "supervisor"), (worker, "worker")):
        kill(identity)
        # As if they had lived before the machine was restarted.
        Identity(identity.pid, identity.started, "another boot").save(folder.path / f"{name}.json")
    until(lambda: not folder.held())
    shown = cli.json("run", "show", "r1")
    assert shown["state"] == "failed"
    assert "the machine was restarted" in shown["error"]
    assert "the machine was restarted" in folder.journal.read_text()

    assert cli.run("run", "resume", "--all-interrupted").stdout == "resumed: r1\n"
    until(lambda: runs.show(ctx, "r1").state == "running")
    told = [line for line in folder.journal.read_text().splitlines() if '"note"' in line]
    assert "resumed after it failed" in told[-1]
    assert "restarted" in told[-1]
    assert "No run was interrupted" in cli.run("run", "resume", "--all-interrupted").stderr
    cli.run("run", "resume", "r1", code=4)
    cli.run("run", "resume", code=2)
    runs.cancel(ctx, "r1")


def test_a_machine_that_goes_down_interrupts_and_does_not_cancel(ctx: Context, bert: Path) -> None:
    """At a shutdown every process gets SIGTERM: a checkpoint is written, and it can go on."""
    folder = counting_run(ctx, bert)
    alive(folder.supervisor()).signal(signal.SIGTERM)
    until(lambda: folder.exit() is not None and not folder.held())
    info = runs.show(ctx, "r1")
    assert info.state == "failed"
    assert "interrupted" in (info.error or "")
    assert folder.last_checkpoint() is not None
    assert runs.resume_interrupted(ctx) == (["r1"], [])
    runs.cancel(ctx, "r1")


def test_a_run_can_be_canceled_at_any_moment(ctx: Context, bert: Path) -> None:
    rng = random.Random(3)
    for delay in [rng.uniform(0, 0.5) for _ in range(12)]:
        info = counting.create(ctx, bert, steps=100_000, pause=0.01)
        folder = RunFolder(ctx.home.runs / info.run)
        time.sleep(delay)
        begun = time.monotonic()
        assert runs.cancel(ctx, info.run).state == "canceled", f"{info.run} after {delay:.3f} s"
        assert time.monotonic() - begun < 20
        assert not folder.held()
        assert strays(folder.path) == []


def test_two_who_resume_a_run_at_once_begin_it_once(ctx: Context, bert: Path) -> None:
    queue.set_paused(ctx, None, True)
    counting.create(ctx, bert, steps=5)
    as_both_saw_it = runs.cancel(ctx, "r1")
    ending.resume(ctx, as_both_saw_it)
    folder = RunFolder(ctx.home.runs / "r1")
    told = folder.journal.read_text()
    with pytest.raises(ConflictError, match="by somebody else"):
        ending.resume(ctx, as_both_saw_it)
    assert folder.journal.read_text() == told
    queue.set_paused(ctx, None, False)
    until(lambda: runs.show(ctx, "r1").state == "completed")
    with pytest.raises(ConflictError, match="by somebody else"):
        ending.resume(ctx, as_both_saw_it)
    assert runs.show(ctx, "r1").state == "completed"


SYSTEMD_RUN = """#!{python}
import os, sys
from pathlib import Path
words = sys.argv[1:]
with open({record!r}, "a") as file:
    print(" ".join(words), file=file)
if {fails}:
    sys.exit(1)
command = words[words.index("--") + 1:]
os.environ["IN_SCOPE"] = "1"
os.execvp(command[0], command)
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_gets_a_scope_of_systemd_where_there_is_one(
    ctx: Context, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    import socket

    runtime, record = tmp_path / "run", tmp_path / "record"
    runtime.mkdir()
    program = runtime / "systemd-run"
    program.write_text(SYSTEMD_RUN.format(python=sys.executable, record=str(record), fails=fails))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{runtime}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.chdir(runtime)
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind("bus")
        folder = counting_run(ctx, bert)
        environment = Path(f"/proc/{alive(folder.supervisor()).pid}/environ").read_bytes()
        asked = record.read_text().splitlines()
        assert asked[0] == "--user --scope --quiet --collect -- true"
        assert (b"IN_SCOPE=1" in environment.split(b"\0")) is not fails
        assert len(asked) == (1 if fails else 2)
        runs.cancel(ctx, "r1")
