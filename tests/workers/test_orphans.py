"""What answers for a person ends with who asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.cli import until


def test_a_model_that_loads_without_end_goes_with_its_parent(bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "endless"))
    stated = json.loads((folder / "config.json").read_text()) | {"num_hidden_layers": 10**6}
    (folder / "config.json").write_text(json.dumps(stated))
    code = (
        "import subprocess, sys, time\n"
        "words = [sys.executable, '-P', '-m', 'fmtui.workers.predict', sys.argv[1]]\n"
        "child = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = Path("/proc", parent.stdout.readline().strip())
    until(lambda: b"torch" in (child / "maps").read_bytes())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not _runs(child), seconds=20)


def _runs(process: Path) -> bool:
    try:
        return bool((process / "cmdline").read_bytes())  # a zombie has none
    except OSError:
        return False
