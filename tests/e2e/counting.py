"""A run that needs no torch: it counts. Its lines, metrics and checkpoints tell what a kill lost.

A spec names this module under `worker`, and the supervisor starts `python -m MODULE FOLDER`. Each
step prints a numbered line, notes in `claims` that it did, measures, and now and then writes a
checkpoint of several files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fmtui.runs import checkpoints
from fmtui.runs.folder import RunFolder
from fmtui.runs.logs import LogReader
from fmtui.runs.process import sync_folder
from fmtui.services import runs
from fmtui.services.context import Context, context
from fmtui.workers.harness import Worker, carry_out
from registry.database import now
from registry.runs import NewRun
from registry.views import RunInfo

FILES = 4
ROOT = Path(__file__).resolve().parents[2]


def create(
    ctx: Context, model: Path, *, steps: int = 300, pause: float = 0.003, save: int = 50,
    filler: int = 0, priority: int = 0, blob: int = 0, deaf: int = 0, stray: int = 0,
) -> RunInfo:  # fmt: skip
    """Start a counting run.

    Args:
        pause: Seconds between steps.
        save: Steps between checkpoints.
        filler: Characters behind each line's number.
        blob: Bytes of each file of a checkpoint.
        deaf: It does not listen when it is told to stop.
        stray: It starts a process that leads a session of its own.
    """
    spec = {
        "kind": "finetune", "worker": "tests.e2e.counting", "backend": "local", "created": now(),
        "task": "text-classification", "name": "counted", "labels": ["a", "b"],
        "model": {"ref": "gone:1", "path": str(model)},
        "train": {"ref": "none:1", "path": str(model)},
        "steps": steps, "pause": pause, "save": save, "filler": filler, "blob": blob,
        "deaf": deaf, "stray": stray,
    }  # fmt: skip
    new = NewRun(
        kind="finetune", backend="local", task="text-classification", name="counted",
        model="gone:1", data="none:1", model_version_id=None, dataset_version_id=None,
        created=now(),
    )  # fmt: skip
    return runs.create(ctx, new, spec, priority=priority)


def work(worker: Worker) -> None:
    spec, folder = worker.spec, worker.folder
    final = folder.output / "model"
    if final.is_dir():
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        return
    done = load(worker.resume_from(), spec["blob"])
    claims = os.open(folder.path / "claims", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    worker.journal.state("running")
    if spec["stray"]:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)  # fmt: skip
    for step in range(done + 1, spec["steps"] + 1):
        worker.say(f"line {step}{' ' + 'x' * spec['filler'] if spec['filler'] else ''}")
        os.write(claims, f"{step}\n".encode())
        worker.journal.metrics(step, None, "train", {"loss": 1 / step})
        stop = worker.stopping.is_set() and not spec["deaf"]
        if step % spec["save"] == 0 or stop:
            _save(folder.checkpoints, step, spec["blob"])
        if stop:
            worker.check_canceled()
        time.sleep(spec["pause"])
    worker.journal.state("finalizing")
    temp = folder.output / ".model.part"
    shutil.rmtree(temp, ignore_errors=True)
    shutil.copytree(spec["model"]["path"], temp)
    temp.rename(final)
    sync_folder(folder.output)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


def _save(root: Path, step: int, blob: int) -> None:
    folder = root / f"checkpoint-{step}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / str(number)).write_text(f"{step}".ljust(blob))
        time.sleep(0.004)
    checkpoints.mark_complete(folder)
    for other in root.iterdir():
        if other != folder:
            checkpoints.remove(other)


def load(folder: Path | None, blob: int) -> int:
    """The step of a checkpoint; fails where one of its files is not of that step."""
    if folder is None:
        return 0
    found = {(folder / str(number)).read_text() for number in range(FILES)}
    step = checkpoints.checkpoint_step(folder)
    assert found == {f"{step}".ljust(blob)}, f"half a checkpoint was used: {folder.name}"
    return step


def log_lines(folder: RunFolder) -> list[int]:
    """The numbers in a run's log, in the order in which they were printed; every line is whole."""
    reader, content = LogReader(folder.log), b""
    while chunk := reader.read():
        content += chunk
    reader.close()
    own = [x for x in content.decode().splitlines() if not x.startswith("  File")]
    numbered = [line for line in own if "line" in line]
    found = [re.fullmatch(r"\d\d:\d\d:\d\d line (\d+)( x*)?", line) for line in numbered]
    assert all(found), [line for line, match in zip(numbered, found, strict=True) if not match]
    return [int(match[1]) for match in found if match]


def check_log(folder: RunFolder) -> None:
    """Every line that the worker knows it printed is in the log, in its order."""
    lines = iter(log_lines(folder))
    claims = [int(n) for n in (folder.path / "claims").read_text().split()]
    for claim in claims:
        assert claim in lines, f"line {claim} of {folder.path.name} is lost"


def main() -> int:
    if sys.argv[1] == "create":  # a command that starts a run and may be killed while it does
        create(context(), Path(sys.argv[2]))
        return 0
    return carry_out(RunFolder(Path(sys.argv[1])), work)


if __name__ == "__main__":
    sys.exit(main())
