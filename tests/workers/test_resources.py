"""What a run uses of the machine."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from fmtui.runs.journal import Journal, Story
from fmtui.workers.resources import Sampler

BUSY = """
import sys
held = bytearray(80_000_000)
print("ready", flush=True)
while True:
    sum(range(1000))
"""


def test_a_busy_child_is_counted_with_its_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None and child.stdout.readline()
            alone = psutil.Process().memory_info().rss
            sampler = Sampler(psutil.Process().pid)
            values = sampler.sample()
            deadline = time.monotonic() + 20
            while values["cpu_percent"] < 20 and time.monotonic() < deadline:
                values = sampler.sample()
            assert values["cpu_percent"] >= 20
            assert values["memory_bytes"] > alone + 60_000_000
        finally:
            child.kill()


def test_gpus_are_asked_through_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML answers from a table: two GPUs of which the run sees the second."""
    mine = psutil.Process().pid
    users = [
        SimpleNamespace(pid=mine, usedGpuMemory=3_000),
        SimpleNamespace(pid=1, usedGpuMemory=9),
    ]

    class Nvml(SimpleNamespace):
        nvmlInit = staticmethod(lambda: None)  # noqa: N815
        nvmlDeviceGetHandleByIndex = staticmethod(lambda n: n)  # noqa: N815
        nvmlDeviceGetUtilizationRates = staticmethod(lambda h: SimpleNamespace(gpu=40 + h))  # noqa: N815
        nvmlDeviceGetMemoryInfo = staticmethod(lambda h: SimpleNamespace(used=70_000))  # noqa: N815

        def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
            return users

    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    values = Sampler(mine).sample()
    assert (values["gpu_percent"], values["gpu_memory_bytes"]) == (41.0, 3_000.0)
    users.clear()
    assert Sampler(mine).sample()["gpu_memory_bytes"] == 70_000.0, "processes that NVML can't tell"


def test_samples_become_points_by_the_second(tmp_path: Path) -> None:
    lines = [
        '{"t": "2026-01-01T00:00:00.000Z", "event": "resource", "values": {"cpu_percent": 150.0}}',
        '{"t": "2026-01-01T00:00:00.200Z", "event": "resource", "values": {"cpu_percent": 1.0}}',
        '{"t": "2026-01-01T00:00:02Z", "event": "progress", "step": 1, "total": 2, "epoch": 0.5,'
        ' "epochs": 1, "rate": 98.5}',
        '{"t": "2026-01-01T00:00:05.100Z", "event": "resource", "values": {"cpu_percent": 80}}',
        '{"t": "2026-01-01T00:00:05.200Z", "event": "resource", "values": {"disk_bytes": 7}}',
        '{"t": "2026-01-01T00:00:05.300Z", "event": "resource", "values": {"disk_bytes": 5,'
        ' "cpu_percent": 90}}',
    ]
    path = tmp_path / "journal.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    journal = Journal(path)
    journal.write("resumed", step=0)
    journal.close()
    story = Story(path).read()
    assert [(p.step, p.name, p.value) for p in story.resources] == [
        (0, "cpu_percent", 150.0), (5, "cpu_percent", 90.0), (5, "rows_per_second", 98.5),
        (5, "disk_bytes", 7.0),
    ]  # fmt: skip
    assert story.points == [] and story.final_metrics() == {}
