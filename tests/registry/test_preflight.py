"""What an import would bring is told before it is fetched; and what it would refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from fmtui.paths import Home
from registry import architectures
from tests.e2e.cli import Cli
from tests.hubserver import Hub, running


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def cli(hub: Hub, home: Home, tmp_path: Path) -> Cli:
    return Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})


def test_a_model_is_shown_before_its_weights_are_fetched(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/tiny", bert)
    tensors = load_file(bert / "model.safetensors")
    repo.files["model.safetensors"] = save(tensors | {"ballast": np.zeros(1 << 20, np.uint8)})
    repo.files["README.md"] = b"---\nlicense: apache-2.0\n---\n"
    repo.license = "apache-2.0"
    repo.files["pytorch_model.bin"] = b"beside"
    repo.files["modeling.py"] = b"print('never')"
    size = sum(len(repo.files[n]) for n in repo.files if n[-4:] not in (".bin", "g.py"))
    found = cli.json("model", "import", "hf:org/tiny", "--dry-run")
    assert (found["ok"], found["commit"], found["license"]) == (True, repo.commit, "apache-2.0")
    assert (found["size_bytes"], found["files"]) == (size, 5)
    assert (found["parameters"], found["dtypes"]) == (21_632, {"F32": 21_632, "U8": 1 << 20})
    assert (found["architecture"], found["model_type"]) == ("BertModel", "bert")
    assert (found["pickles"], found["code"]) == (["pytorch_model.bin"], ["modeling.py"])
    assert hub.sent < 200_000, "no more than the beginning of the weights"
    lines = cli.run("model", "import", "hf:org/tiny", "--dry-run").stdout
    for words in ("✓ license", "known to transformers", "21,632 F32", " needed"):
        assert words in lines
    assert cli.json("model", "list") == []


def test_what_would_be_refused_is_marked(hub: Hub, cli: Cli, bert: Path) -> None:
    hub.add("org/gated", bert, gated=True, token="good")
    new = hub.add("org/new", bert)
    new.files["config.json"] = new.files["config.json"].replace(b'"bert"', b'"nobert9"')
    bad = hub.add("org/bad", bert)
    bad.files["pytorch_model.bin"] = bad.files.pop("model.safetensors")
    for source, words in (
        ("hf:org/gated", "✗ access        hf:org/gated is gated"),
        ("hf:org/new", "has no `nobert9`"),
        ("hf:org/bad", "--convert-pickle"),
    ):
        assert words in cli.run("model", "import", source, "--dry-run", code=4).stdout
    refused = cli.run("model", "import", "hf:org/new", "-q", code=4)
    assert "is a `nobert9`, which transformers" in refused.stderr
    assert not any("GET /cdn" in r and "org/bad" in r for r in hub.requests)
    cli.run("model", "import", "hf:org/absent", "--dry-run", code=3)


def test_offline_everything_that_needs_the_network_says_so(hub: Hub, cli: Cli, bert: Path) -> None:
    hub.add("org/tiny", bert)
    done = cli.run("--offline", "model", "import", "hf:org/tiny", code=3)
    assert "was never fetched" in done.stderr
    assert hub.requests == []
    cli.run("model", "import", "hf:org/tiny", "--no-smoke", "-q")
    asked = len(hub.requests)
    found = json.loads(
        cli.run("--offline", "model", "import", "hf:org/tiny", "--dry-run", "--json").stdout
    )
    assert (found["ok"], found["to_fetch"]) == (True, 0)
    cli.run("--offline", "model", "import", "hf:org/tiny", "--name", "b", "--no-smoke", "-q")
    assert len(hub.requests) == asked


def test_the_types_that_transformers_knows_are_read_from_its_source() -> None:
    known = architectures.known_types()
    assert {"bert", "gpt2", "marian", "llama", "deberta-v2", "gpt-sw3"} <= known
    assert "BertConfig" not in known
    assert architectures.is_known("nobert9") is False


def test_what_lies_here_is_looked_at_as_it_is_imported(
    cli: Cli, bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "old"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    shown = cli.run("model", "import", str(folder), "--dry-run", code=4).stdout
    assert "--convert-pickle" in shown
    shown = cli.run("model", "import", str(folder), "--dry-run", "--convert-pickle").stdout
    assert "BertModel" in shown and "scanned and converted" in shown
    gguf = tmp_path / "some.gguf"
    gguf.write_bytes(b"GGUF" + bytes(100))
    shown = cli.run("model", "import", str(gguf), "--dry-run").stdout
    assert "to be converted" in shown and "416 B needed" in shown
    gguf.write_bytes(b"GGML")
    assert "no GGUF file" in cli.run("model", "import", str(gguf), "--dry-run", code=4).stdout


def test_a_bundle_is_not_imported_by_a_look_at_it(cli: Cli, bert: Path, tmp_path: Path) -> None:
    cli.run("model", "import", str(bert), "--name", "tiny", "--no-smoke")
    cli.run("model", "export", "tiny", "--to", str(tmp_path / "b.tar"))
    cli.run("model", "remove", "tiny", "-y")
    done = cli.run("model", "import", str(tmp_path / "b.tar"), "--dry-run", code=2)
    assert "--dry-run is not for a bundle" in done.stderr
    assert cli.json("model", "list") == []
