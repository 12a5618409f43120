"""The import wizard: what would come is shown first, at the end the model answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.hubserver import running


def test_a_model_of_the_hub_is_looked_at_then_fetched_then_tried(bert: Path) -> None:
    with running() as hub:
        hub.add("org/tiny", bert, license="apache-2.0")
        old = hub.add("org/old", bert).files
        old["pytorch_model.bin"] = old.pop("model.safetensors")
        done = subprocess.run(
            [sys.executable, "-m", "tests.screens.import_wizard"],
            env={**os.environ, **hub.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
