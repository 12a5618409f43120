"""What a run uses of the machine, sampled while it works, without a part in the work itself."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from fmtui.runs.journal import Journal

FIRST_SECONDS, EVERY_SECONDS = 1.0, 5.0


class Sampler:
    """Asks for the processes of a run: `root` and all that it started.

    Args:
        root: The process id of the worker, or of the launcher where there are several workers.
        folder: The run's, where its disk is to be told too.
    """

    def __init__(self, root: int, folder: Path | None = None) -> None:
        self.root = psutil.Process(root)
        self.folder = folder
        self._gpus = _open_gpus()
        self._used: dict[int, float] = {}
        self._asked = time.monotonic()
        self._cpu_percent([self.root])

    def sample(self) -> dict[str, float]:
        """What is used now.

        Returns:
            `cpu_percent`: Since the last sample; 100 is one core.
            `memory_bytes`: Resident memory of all processes.
            `disk_bytes`: What lies in the run's folder.
            `gpu_percent`, `gpu_memory_bytes`: Over the GPUs that the run sees, where NVML is;
                the memory is that of the run's processes, or of all where NVML can't tell them.
        """
        processes = [self.root]
        with contextlib.suppress(psutil.Error):
            processes += self.root.children(recursive=True)
        values = {"cpu_percent": self._cpu_percent(processes), "memory_bytes": 0.0}
        for process in processes:
            with contextlib.suppress(psutil.Error):
                values["memory_bytes"] += process.memory_info().rss
        if self.folder is not None:
            values["disk_bytes"] = float(bytes_in(self.folder))
        return values | _gpu_values(self._gpus, {p.pid for p in processes})

    def _cpu_percent(self, processes: list[psutil.Process]) -> float:
        seconds, used = 0.0, {}
        for process in processes:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used[process.pid] = times.user + times.system
                seconds += max(used[process.pid] - self._used.get(process.pid, 0.0), 0.0)
        now = time.monotonic()
        passed, self._asked, self._used = now - self._asked, now, used
        return round(100 * seconds / passed, 1) if passed > 0 else 0.0


def watch(
    journal: Journal,
    folder: Path,
    *,
    several: bool,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Write a sample into the journal every few seconds from a thread of its own.

    A sampler that fails ends, and the run goes on.
    """

    def job() -> None:
        with contextlib.suppress(psutil.Error, OSError):
            sampler = Sampler(os.getppid() if several else os.getpid(), folder)
            time.sleep(FIRST_SECONDS)
            while not stopped():
                journal.write("resource", values=sampler.sample())
                time.sleep(EVERY_SECONDS)

    threading.Thread(target=job, name="resources", daemon=True).start()


def bytes_in(folder: Path) -> int:
    """The bytes of all files below a folder; what goes while it is looked at counts for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


def _open_gpus() -> tuple[Any, list[Any]] | None:
    """NVML with the GPUs that this process may use, None where there are none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            names = [str(number) for number in range(pynvml.nvmlDeviceGetCount())]
        else:
            names = [name.strip() for name in visible.split(",") if name.strip()]
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(int(name))
            if name.isdigit()
            else pynvml.nvmlDeviceGetHandleByUUID(name)
            for name in names
        ]
    except Exception:  # no module, no driver, no such device: NVML has an error class for each
        return None
    return (pynvml, handles) if handles else None


def _gpu_values(gpus: tuple[Any, list[Any]] | None, pids: set[int]) -> dict[str, float]:
    if gpus is None:
        return {}
    nvml, handles = gpus
    try:
        busy = [float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) for handle in handles]
        memory = sum(_gpu_memory(nvml, handle, pids) for handle in handles)
    except Exception:  # a GPU that fell off the bus must not end the samples of the rest
        return {}
    return {"gpu_percent": sum(busy) / len(busy), "gpu_memory_bytes": memory}


def _gpu_memory(nvml: Any, handle: Any, pids: set[int]) -> float:
    users = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    mine = [user.usedGpuMemory for user in users if user.pid in pids]
    if mine and None not in mine:
        return float(sum(mine))
    return float(nvml.nvmlDeviceGetMemoryInfo(handle).used)  # as seen from within a container
