"""Finetune runs without the command line: their folders, and worker processes that carry them out.

Torch and transformers are imported once, in a process that forks a worker for each attempt: real
processes, which can be killed, at a tenth of the cost.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmtui.data.reader import read_table
from fmtui.runs.folder import Exit, RunFolder
from fmtui.runs.journal import Story
from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from fmtui.tasks.settings import resolve

QUICK = {"logging_steps": 1, "learning_rate": 5e-3, "precision": "32", "validation_fraction": 0.25}


def create(
    runs: Path, number: int, task: str, model: Path, data: Path, settings: Mapping[str, Any]
) -> RunFolder:
    """The folder of a finetune run, as the service makes it."""
    chosen, table = get_task(task), read_table(data)
    columns = choose_columns(chosen, table, {})
    found = chosen.examples(table, columns)
    values = resolve({}, parameters=None, metric=chosen.metrics[0])
    spec = {
        "kind": "finetune",
        "run": f"r{number}",
        "task": task,
        "name": "made",
        "model": {"ref": "base:1", "path": str(model)},
        "train": {
            "ref": "train:1",
            "path": str(data),
            "columns": columns,
            "fingerprint": table.fingerprint(),
        },
        "labels": sorted(label for label, _ in found.labels),
        "settings": {**values, **QUICK, **settings},
    }
    return RunFolder.create(runs, number, spec)


@dataclass
class Attempt:
    """A worker process that carries out a run."""

    folder: RunFolder
    pid: int
    garage: Garage

    def wait(self) -> int:
        """Its exit code, negative for a signal."""
        return self.garage.wait(self.pid)

    def kill(self, number: int = signal.SIGKILL) -> int:
        os.kill(self.pid, number)
        return self.wait()

    def until(self, condition: Callable[[Story], object], *, seconds: float = 90.0) -> None:
        """Wait until the run's journal tells so; fail where the worker ends before."""
        deadline = time.monotonic() + seconds
        story = Story(self.folder.journal)
        while not condition(story.read()):
            assert time.monotonic() < deadline, "it did not come to that"
            assert Path(f"/proc/{self.pid}/stat").read_text().split()[2] != "Z", "it ended before"
            time.sleep(0.002)


class Garage:
    """Forks workers from one process that has imported what they need."""

    def __init__(self, *, lora: bool = False, patch: str = "") -> None:
        words = [sys.executable, "-c", _GARAGE, "lora" if lora else "", patch]
        quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
        env = {**os.environ, **quiet, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        env["OMP_WAIT_POLICY"] = "PASSIVE"  # as a worker that is no fork has it
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def start(self, folder: RunFolder) -> Attempt:
        """Begin or go on with a run, as a supervisor would."""
        if folder.exit() is not None or folder.was_started():
            folder.start_over()
        return Attempt(folder, int(self._ask(f"start {folder.path}")), self)

    def run(self, folder: RunFolder) -> Exit:
        """Carry a run out to its end, which it must write itself."""
        self.start(folder).wait()
        end = folder.exit()
        assert end is not None, folder.log.read_text()
        return end

    def wait(self, pid: int) -> int:
        return int(self._ask(f"wait {pid}"))

    def _ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self) -> None:
        self.process.communicate()


_GARAGE = """
import os, sys
from pathlib import Path
from fmtui.runs.folder import RunFolder
from fmtui.workers.lean import leave_out
leave_out({"settings": {"apply_lora": sys.argv[1] == "lora"}, "model": {"path": ""}})
import fmtui.workers.finetune, fmtui.workers.evaluation, fmtui.workers.tasks.text_classification
import fmtui.workers.harness as harness
from transformers import BertForSequenceClassification
if sys.argv[1]:
    import peft
exec(sys.argv[2])
for line in sys.stdin:
    verb, _, rest = line.strip().partition(" ")
    if verb == "wait":
        print(os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1]), flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        code = 1
        try:
            os.setsid()
            folder = RunFolder(Path(rest))
            kinds = {"finetune": fmtui.workers.finetune, "evaluate": fmtui.workers.evaluation}
            code = harness.carry_out(folder, kinds[folder.spec()["kind"]].run)
        finally:
            os._exit(code)
"""


def final(folder: RunFolder) -> dict[str, float]:
    """The metrics that a run ended with."""
    return Story(folder.journal).read().final_metrics()


def curve(folder: RunFolder, name: str, split: str = "train") -> list[tuple[int, float]]:
    """A curve as it stands at the end: each step once."""
    points = Story(folder.journal).read().points
    return [(p.step, p.value) for p in points if (p.split, p.name) == (split, name)]


def events(folder: RunFolder, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, folder.journal.read_text().splitlines())
    return [line for line in lines if line["event"] == kind]
