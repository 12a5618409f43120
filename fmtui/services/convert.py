"""Conversion to safetensors in a child process that has no network and no secrets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

from fmtui.errors import BadInputError

_KEPT = ("PATH", "LANG", "LC_ALL", "OMP_NUM_THREADS", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV")


def convert(kind: Literal["pickle", "gguf", "adapter"], source: Path, folder: Path) -> None:
    """Write the weights of `source` to `folder` as safetensors, an adapter added to its base.

    Raises:
        BadInputError: it is no model, or the pickle is a dangerous one.
    """
    with tempfile.TemporaryDirectory() as home:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"HOME": home, "HF_HOME": home, "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [*_without_network(), sys.executable, "-P", "-m", "fmtui.workers.convert",
             kind, str(source.absolute()), str(folder.absolute())],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )  # fmt: skip
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        answer = {"error": f"the process that converts it ended ({how})"}
    if "error" in answer:
        raise BadInputError(f"is not converted: {answer['error']}", file=source.name)


@cache
def _without_network() -> tuple[str, ...]:
    """The words before a command that take its network away; () where the system forbids it."""
    words = ("unshare", "--user", "--map-current-user", "--net")
    if shutil.which(words[0]) is None:
        return ()
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if tried.returncode == 0 else ()
