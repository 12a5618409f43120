"""Slots: how many runs this machine carries at once, each a file lock that the worker inherits.

One a GPU; without a GPU one for the CPU; `[slots]` in config.toml sets how many share each. A slot
is free when no process of a run holds its lock, so a slot can't be lost: the kernel gives it
back. The lock's file says who holds it. In a folder that several people share (`FMTUI_SLOT_DIR`)
the files are writable for all, and one waits for the other.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from fmtui.config import slot_config
from fmtui.paths import Home
from fmtui.runs.process import is_locked, try_lock

THREADS = "FMTUI_THREADS"
"""In a worker's environment: the threads of its share of the CPU. (OMP_NUM_THREADS won't do: the
launcher of several processes sets it to 1 by itself.)"""

_NVIDIA = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a slot: a run, of which home, of whom."""

    run: str
    home: str
    user: str


@dataclass(frozen=True, slots=True)
class Slot:
    """What a run holds: one slot, or a GPU for each of its processes.

    The open files that hold them, and what its worker must have set.
    """

    handles: tuple[int, ...]
    name: str
    env: dict[str, str]

    def close(self) -> None:
        for handle in self.handles:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Pool:
    """The slots that the runs of a home may take; `shared` with other homes or not."""

    folder: Path
    names: tuple[str, ...]
    shared: bool
    env: dict[str, dict[str, str]]

    def free(self) -> list[str]:
        """The slots that nobody holds."""
        return [name for name in self.names if not _held(self._file(name))]

    def holders(self) -> dict[str, Holder | None]:
        """The slots that are held, and by whom (None where that can't be read)."""
        held = [name for name in self.names if _held(self._file(name))]
        return {name: _read(self._file(name)) for name in held}

    def take(self, holder: Holder, count: int = 1) -> Slot | None:
        """Take `count` free slots on as many GPUs, None when so many are not free.

        Raises OSError.
        """
        mode = self._make()
        taken: dict[str, int] = {}
        for name in self.names:
            if len(taken) == count:
                break
            if any(self.env[name] == self.env[other] for other in taken):
                continue  # another share of the same GPU
            handle = self._take(name, holder, mode)
            if handle is not None:
                taken[name] = handle
        slot = Slot(tuple(taken.values()), "+".join(taken), self._env_of(taken))
        if len(taken) == count:
            return slot
        slot.close()
        return None

    def _take(self, name: str, holder: Holder, mode: int) -> int | None:
        with contextlib.suppress(PermissionError):
            handle = try_lock(self._file(name), mode=mode)
            if handle is not None:
                with contextlib.suppress(OSError):  # a full disk: held all the same
                    os.ftruncate(handle, 0)
                    os.pwrite(handle, json.dumps(asdict(holder)).encode(), 0)
            return handle
        return None

    def _env_of(self, names: Iterable[str]) -> dict[str, str]:
        env: dict[str, str] = {}
        for name in names:
            for key, value in self.env[name].items():
                env[key] = f"{env[key]},{value}" if key in env else value
        return env

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.lock"

    def _make(self) -> int:
        """Make the folder; the rights that its files get."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.shared:
                with contextlib.suppress(PermissionError):  # another user made it just now
                    self.folder.chmod(0o1777)
        return 0o666 if self.shared else 0o644


def _held(path: Path) -> bool:
    try:
        return is_locked(path)
    except PermissionError:  # another's file that we may not use
        return True


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def gpus() -> list[str]:
    """The GPUs of this machine, those of CUDA_VISIBLE_DEVICES where that is set."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [part.strip() for part in chosen.split(",") if part.strip() not in ("", "-1")]
    return [str(i) for i in range(len(list(_NVIDIA.iterdir())))] if _NVIDIA.is_dir() else []


def needed(processes: int) -> int:
    """How many slots so many processes on this machine take: a GPU each; the CPU is shared."""
    return processes if gpus() else 1


def pool(home: Home) -> Pool:
    """The slots of a home: `gpu0`, `gpu1`, ... or `cpu`; `cpu.2` is the second share of one.

    Raises BadInputError where config.toml says what can't be.
    """
    config = slot_config(home)
    found = gpus()
    env: dict[str, dict[str, str]] = {}
    for share in range(config.gpu if found else config.cpu):
        suffix = f".{share + 1}" if share else ""
        for gpu in found:
            env[f"gpu{gpu}{suffix}"] = {"CUDA_VISIBLE_DEVICES": gpu}
        if not found:
            env[f"cpu{suffix}"] = _threads(config.cpu)
    return Pool(config.folder or home.slots, tuple(env), config.folder is not None, env)


def _threads(shares: int) -> dict[str, str]:
    """Each share of the CPU computes on its part of the cores."""
    if shares == 1:
        return {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = str(max(1, (cores or 1) // shares))
    return {THREADS: threads, "OMP_NUM_THREADS": threads}


def holder_of(home: Home, run: str) -> Holder:
    """This user's run, as it stands in a slot that it holds."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = str(os.getuid())
    return Holder(run, str(home.root), user)


@contextmanager
def holding(home: Home, run: str = "r0") -> Iterator[Slot | None]:
    """Hold a slot for as long as the block lasts."""
    slot = pool(home).take(holder_of(home, run))
    try:
        yield slot
    finally:
        if slot is not None:
            slot.close()
