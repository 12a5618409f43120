"""Driving the real command line in a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Cli:
    """`fmtui` in a home of its own."""

    home: Path
    extra: dict[str, str]

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "FMTUI_HOME": str(self.home), **self.extra}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "fmtui", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
        )

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command; its exit code must be `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "fmtui", *words],
            capture_output=True,
            text=True,
            env=self.env,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr + done.stdout
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


def until(condition: Callable[[], object], *, seconds: float = 90.0) -> None:
    """Wait for a state; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
