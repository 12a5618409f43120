"""A disk that is full while a run writes: it ends with that reason, nothing whole is damaged, and
when there is room again it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.errors import StorageError
from fmtui.paths import Home
from fmtui.runs.folder import RunFolder
from fmtui.runs.journal import Journal, Story
from fmtui.services import queue, runs
from fmtui.services.context import Context
from registry.database import Database
from tests.e2e import counting
from tests.e2e.cli import Cli, until
from tests.tiny import write_messages

STEPS = 400

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a small file system needs root")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(counting.ROOT))
    monkeypatch.setenv("FMTUI_WORKERS", "tests.e2e.counting")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Context]:
    """A home on a disk of 6 MB."""
    mount = tmp_path / "small"
    mount.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(mount)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    home = Home(mount / "home")
    ctx = Context(home, Database(home.registry))
    try:
        yield ctx
    finally:
        ctx.db.close()
        subprocess.run(["umount", "--lazy", str(mount)], check=True)


def fill(ctx: Context, *, leave: int = 0) -> Path:
    """Take all room but `leave` bytes; deleting the file gives it back."""
    path = ctx.home.root / "filler"
    with path.open("ab", buffering=0) as file:
        size = max(shutil.disk_usage(path).free - leave, 0)
        while size > 0:
            try:
                size -= file.write(bytes(min(size, 4096)))
            except OSError:
                break
    return path


def ended_for_want_of_room(ctx: Context, folder: RunFolder) -> None:
    until(lambda: not folder.held())
    end = folder.exit()
    assert end is not None
    assert end.state == "failed"
    assert "the disk is full" in (end.error or "")


def goes_on_to_its_end(ctx: Context, folder: RunFolder) -> None:
    assert runs.resume_interrupted(ctx)[0] == ["r1"]
    until(lambda: runs.show(ctx, "r1").state == "completed")
    assert [p.step for p in runs.metrics(ctx, "r1")] == list(range(1, STEPS + 1))
    assert set(counting.log_lines(folder)) >= set(range(1, STEPS + 1))
    assert runs.show(ctx, "r1").output == "counted:1"


@pytest.mark.parametrize(
    "writes",
    [{"filler": 4000}, {"filler": 0}, {"blob": 400_000, "save": 20}],
    ids=["log", "journal", "checkpoint"],
)
def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    small: Context, bert: Path, writes: dict[str, int]
) -> None:
    info = counting.create(small, bert, steps=STEPS, pause=0.005, **({"save": 50} | writes))
    folder = RunFolder(small.home.runs / info.run)
    until(lambda: folder.last_checkpoint() is not None)
    filler = fill(small, leave=1_000_000 if "blob" in writes else 0)
    ended_for_want_of_room(small, folder)
    saved = folder.last_checkpoint()
    assert saved is not None
    assert counting.load(saved, writes.get("blob", 0))  # what was complete is whole
    filler.unlink()
    assert runs.show(small, "r1").state == "failed"
    goes_on_to_its_end(small, folder)


@pytest.mark.stress
@pytest.mark.parametrize("leave", [0, 60_000, 120_000])
def test_a_real_finetune_on_a_full_disk_goes_on(small: Context, bert: Path, leave: int) -> None:
    data = write_messages(small.home.root.parent / "train.csv", 120)
    cli = Cli(small.home.root, {})
    cli.run("model", "import", "--no-smoke", str(bert), "--name", "tiny")
    cli.run(
        "finetune", "tiny", "--task", "text-classification", "--train", str(data), "--name", "made",
        "--set", "num_train_epochs=40", "--set", "logging_steps=1", "--detach",
    )  # fmt: skip
    folder = RunFolder(small.home.runs / "r1")
    until(lambda: folder.last_checkpoint() is not None)
    filler = fill(small, leave=leave)
    ended_for_want_of_room(small, folder)
    filler.unlink()
    assert runs.resume_interrupted(small)[0] == ["r1"]
    until(lambda: runs.show(small, "r1").state == "completed")
    found = [p.step for p in runs.metrics(small, "r1") if p.name == "learning_rate"]
    assert found == list(range(1, found[-1] + 1))
    assert runs.show(small, "r1").output == "made:1"


def test_a_result_that_finds_no_room_is_registered_later(small: Context, bert: Path) -> None:
    info = counting.create(small, bert, steps=STEPS, pause=0.005)
    folder = RunFolder(small.home.runs / info.run)
    until(lambda: (folder.output / "model").exists())
    filler = fill(small)
    until(lambda: folder.exit() is not None and not folder.held())
    try:
        shown = runs.list_runs(small)[0]
        # Either the registry had room to spare, or it says what is missing; nothing is half there.
        if shown.state != "completed":
            assert shown.state in ("finalizing", "completed")
            assert "could not be registered yet" in (shown.error or "")
    except StorageError as error:
        assert "disk" in str(error)
    filler.unlink()
    until(lambda: runs.show(small, "r1").state == "completed")
    assert runs.show(small, "r1").output == "counted:1"
    count = small.db.read().execute("SELECT count(*) FROM model_version").fetchone()[0]
    assert count == 1


def test_a_run_waits_while_the_disk_is_full(small: Context, bert: Path) -> None:
    queue.set_paused(small, None, True)
    counting.create(small, bert, steps=5)
    filler = fill(small, leave=500_000)
    queue.set_paused(small, None, False)
    assert "waits for room on the disk: 0.5 MB are left" in queue.entries(small)[0].reason
    filler.unlink()
    assert runs.wait(small, "r1").state == "completed"


def test_half_an_event_harms_no_other(small: Context) -> None:
    small.home.root.mkdir(exist_ok=True)
    path = small.home.root / "journal.jsonl"
    journal = Journal(path)
    journal.state("running")
    filler = fill(small)
    with pytest.raises(OSError, match="No space left"):
        for step in range(1000):
            journal.metrics(step, None, "train", {"x" * 100: 1.0})
    filler.unlink()
    journal.metrics(7777, None, "train", {"loss": 1.0})
    points = Story(path).read().points
    assert points[-1].step == 7777
    assert [p.step for p in points[:-1]] == list(range(len(points) - 1))
