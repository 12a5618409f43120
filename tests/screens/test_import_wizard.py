"""The import wizard: what would come is shown first, at the end the model answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.hubserver import running


def test_a_model_of_the_hub_is_looked_at_then_fetched_then_tried(
    bert: Path, tmp_path: Path
) -> None:
    torch.save(load_file(bert / "model.safetensors"), tmp_path / "old.bin")
    with running() as hub:
        hub.add("org/tiny", bert, license="apache-2.0")
        hub.models = [
            {"id": f"org/model-{n:04}", "downloads": 100 - n, "pipeline_tag": "translation"}
            for n in range(5)
        ]
        old = hub.add("org/old", bert).files
        del old["model.safetensors"]
        old["pytorch_model.bin"] = (tmp_path / "old.bin").read_bytes()
        code = hub.add("org/code", bert).files
        code["tok.py"] = b"class Tok: pass\n"
        stated = json.loads(code["tokenizer_config.json"])
        stated["auto_map"] = {"AutoTokenizer": [None, "tok.Tok"]}
        code["tokenizer_config.json"] = json.dumps(stated).encode()
        done = subprocess.run(
            [sys.executable, "-m", "tests.screens.import_wizard"],
            env={**os.environ, **hub.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
