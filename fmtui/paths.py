"""Where fmtui keeps things: one folder, `$FMTUI_HOME`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder that holds all that fmtui knows and makes."""

    root: Path

    @property
    def registry(self) -> Path:
        return self.root / "registry.db"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def endpoints(self) -> Path:
        return self.root / "endpoints"

    @property
    def slots(self) -> Path:
        return self.root / "slots"

    @property
    def config(self) -> Path:
        return self.root / "config.toml"


def expanded(path: str | Path) -> Path:
    """A path with `~` as the home that it means. The home of nobody stays as it is written, a file
    that is not there."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def home() -> Home:
    """The home in force: `$FMTUI_HOME`, else the platform's folder for a user's data."""
    chosen = os.environ.get("FMTUI_HOME")
    if chosen:
        return Home(Path(chosen).expanduser().absolute())
    from platformdirs import user_data_path

    return Home(user_data_path("fmtui", appauthor=False))
