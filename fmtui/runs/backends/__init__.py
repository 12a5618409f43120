"""Where runs run. Each place answers the same few questions; a run's folder is the same in all."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from fmtui.errors import UsageError
from fmtui.runs.folder import Exit, RunFolder

NAMES = ("local", "slurm", "azureml")


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a run that is proved right now; `reason` says why it waits, or what is amiss."""

    state: str
    reason: str | None = None


class Backend(Protocol):
    """A place that carries runs."""

    def submit(self, folder: RunFolder) -> None:
        """Hand a queued run over. Raises RemoteError or StorageError, and nothing has begun."""

    def status(self, folder: RunFolder) -> Status:
        """What is proved of it; a run that ended without a word is given its end here."""

    def logs(self, folder: RunFolder) -> list[Path]:
        """The files that its processes print to, the run's own log first."""

    def cancel(self, folder: RunFolder) -> None:
        """End it, with a checkpoint; returns when nothing of it is left."""

    def collect(self, folder: RunFolder) -> Exit | None:
        """How it ended, None while it has not."""


def backend_of(name: str) -> Backend:
    """A place by its name, as in a run's spec and row. Raises UsageError."""
    if name not in NAMES:
        raise UsageError(f"no backend `{name}`", hint=f"One of {', '.join(NAMES)}.")
    module = import_module(f"fmtui.runs.backends.{name}")
    backend: Backend = module.BACKEND
    return backend
