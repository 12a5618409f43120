"""Repositories that mean harm: refused, or made harmless."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli
from tests.hubserver import Hub, running


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def cli(hub: Hub, home: Home, tmp_path: Path) -> Cli:
    return Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})


class Payload:
    """Unpickled, it writes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"echo gotcha > {self.canary}",)


def pickled(payload: object) -> bytes:
    """A file as `torch.save` writes it, around any pickle."""
    import io

    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(payload))
        archive.writestr("archive/version", "3\n")
    return body.getvalue()


def test_names_that_lead_elsewhere_or_speak_to_the_terminal_are_not_taken(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    repo = hub.add("org/tiny", bert)
    names = ["../LICENSE", "/LICENSE", "LICENSE/../../../x", "LICENSE\x1b[2J", "LICENSE\n", "..",
             "LICENSE\\..\\x", "NOTICE\u202egnp", "C:LICENSE", "LICENSE\x00"]  # fmt: skip
    for name in names:
        repo.files[name] = b"evil"
    done = cli.run("model", "import", "hf:org/tiny", "--no-smoke", "--json")
    info = json.loads(done.stdout)
    assert sorted(path.name for path in Path(info["path"]).iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert "\x1b" not in done.stdout + done.stderr
    everything = [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size == 4]
    assert not [p for p in everything if p.read_bytes() == b"evil"]


def test_a_hash_that_is_a_path_is_refused(
    hub: Hub, cli: Cli, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = hub.add("org/tiny", bert)
    listing = type(repo).listing

    def lying(self: object, name: str) -> dict[str, object]:
        return listing(self, name) | {"oid": "../../../../evil"}  # type: ignore[arg-type]

    monkeypatch.setattr(type(repo), "listing", lying)
    done = cli.run("model", "import", "hf:org/tiny", "--no-smoke", code=5)
    assert "hash that is none" in done.stderr


def test_ten_thousand_files_are_listed_and_left(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/many", bert)
    repo.files |= {f"part-{n:05}.txt": b"x" for n in range(10_000)}
    info = cli.json("model", "import", "hf:org/many", "--no-smoke", "-q")
    assert len(list(Path(info["path"]).iterdir())) == 4


@pytest.mark.parametrize("how", ["zip", "plain"])
def test_a_pickle_with_a_payload_never_runs(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path, how: str
) -> None:
    canary = tmp_path / "canary"
    state = {"weight": Payload(canary)}
    repo = hub.add("org/evil", bert)
    del repo.files["model.safetensors"]
    repo.files["pytorch_model.bin"] = pickled(state) if how == "zip" else pickle.dumps(state)
    refused = cli.run("model", "import", "hf:org/evil", code=4)
    assert "can run code" in refused.stderr and "--convert-pickle" in refused.stderr
    refused = cli.run("model", "import", "hf:org/evil", "--convert-pickle", code=4)
    assert "the pickle calls" in refused.stderr and "system" in refused.stderr
    assert not canary.exists()
    assert cli.json("model", "list") == []


def test_a_pickle_that_unpacks_without_end_is_refused_at_once(
    cli: Cli, bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "bomb"))
    (folder / "model.safetensors").unlink()
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"0" * 20_000_000)
    refused = cli.run("model", "import", str(folder), "--convert-pickle", code=4)
    assert "many times its size" in refused.stderr


def test_what_the_scanner_passes_is_still_opened_by_a_loader_of_tensors_alone(
    cli: Cli, bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "odd"))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickled({"weight": complex(1, 2)}))
    refused = cli.run("model", "import", str(folder), "--convert-pickle", code=4)
    assert "is not converted" in refused.stderr


def test_pickled_weights_of_tensors_alone_are_converted(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    tensors = load_file(bert / "model.safetensors")
    repo = hub.add("org/old", bert)
    del repo.files["model.safetensors"]
    torch.save(tensors, tmp_path / "old.bin")
    repo.files["pytorch_model.bin"] = (tmp_path / "old.bin").read_bytes()
    done = cli.run("model", "import", "hf:org/old", "--convert-pickle", "--json")
    info = json.loads(done.stdout)
    folder = Path(info["path"])
    assert not (folder / "pytorch_model.bin").exists()
    converted = load_file(folder / "model.safetensors")
    assert all(torch.equal(converted[name], value) for name, value in tensors.items())
    assert "Warning" not in done.stderr, "it answers"


@pytest.mark.parametrize("where", ["hub", "folder"])
def test_pickled_weights_in_several_files_are_converted(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path, where: str
) -> None:
    import torch
    from safetensors.torch import load_file

    tensors = load_file(bert / "model.safetensors")
    folder = Path(shutil.copytree(bert, tmp_path / "parts"))
    (folder / "model.safetensors").unlink()
    places: dict[str, str] = {}
    for number in (1, 2):
        name = f"pytorch_model-{number:05}-of-00002.bin"
        held = dict(list(tensors.items())[number - 1 :: 2])
        torch.save(held, folder / name)
        places |= dict.fromkeys(held, name)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    source = str(folder)
    if where == "hub":
        source = "hf:org/parts"
        hub.add("org/parts", folder)
        shown = cli.run("model", "import", source, "--dry-run", "--convert-pickle").stdout
        assert "pickled, scanned and converted" in shown
    refused = cli.run("model", "import", source, code=4)
    assert "--convert-pickle" in refused.stderr
    done = cli.run("model", "import", source, "--convert-pickle", "--json")
    assert "Warning" not in done.stderr, "it answers"
    kept = Path(json.loads(done.stdout)["path"])
    assert not [path for path in kept.iterdir() if "pytorch" in path.name]
    converted = {k: v for file in kept.glob("*.safetensors") for k, v in load_file(file).items()}
    assert converted.keys() == tensors.keys()
    assert all(torch.equal(converted[name], value) for name, value in tensors.items())
    cli.run("model", "verify", "parts")

    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    refused = cli.run("model", "import", str(folder), "--convert-pickle", "--name", "x", code=4)
    assert "names pytorch_model-00002-of-00002.bin, which is missing" in refused.stderr


def test_a_tokenizer_with_code_is_refused_until_it_is_trusted(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    repo = hub.add("org/code", bert)
    repo.files["tok.py"] = f"open({str(canary)!r}, 'w').write('ran')\nclass Tok: pass\n".encode()
    stated = json.loads(repo.files["tokenizer_config.json"])
    stated["auto_map"] = {"AutoTokenizer": [None, "tok.Tok"]}
    repo.files["tokenizer_config.json"] = json.dumps(stated).encode()
    refused = cli.run("model", "import", "hf:org/code", code=4)
    assert "tokenizer wants to run code" in refused.stderr
    shown = cli.run("model", "import", "hf:org/code", "--dry-run", code=4).stdout
    assert "wants to run tok.py" in shown
    shown = cli.run("model", "import", "hf:org/code", "--dry-run", "--trust-remote-code").stdout
    assert "would run tok.py" in shown
    info = cli.json("model", "import", "hf:org/code", "--trust-remote-code", "--no-smoke", "-q")
    trusted = json.loads((Path(info["path"]) / "trust.json").read_text())
    assert trusted == {"trusted": f"hf:org/code@{repo.commit}", "files": ["tok.py"]}
    assert not canary.exists(), "an import runs nothing"
    cli.run("model", "verify", "code")


def test_code_of_another_repository_is_refused_whatever_is_allowed(
    hub: Hub, cli: Cli, bert: Path
) -> None:
    repo = hub.add("org/far", bert)
    stated = json.loads(repo.files["config.json"]) | {"auto_map": {"AutoModel": "a/b--m.Model"}}
    repo.files["config.json"] = json.dumps(stated).encode()
    refused = cli.run("model", "import", "hf:org/far", "--trust-remote-code", code=4)
    assert "code of another repository" in refused.stderr


def test_a_model_whose_code_is_trusted_runs_it_and_no_other(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/own", bert)
    repo.files["own.py"] = (
        b"from transformers import BertConfig, BertModel\n"
        b"class OwnConfig(BertConfig):\n    model_type = 'own'\n"
        b"class OwnModel(BertModel):\n    config_class = OwnConfig\n"
    )
    stated = json.loads(repo.files["config.json"]) | {
        "model_type": "own",
        "architectures": ["OwnModel"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }
    repo.files["config.json"] = json.dumps(stated).encode()
    done = cli.run("model", "import", "hf:org/own", "--trust-remote-code")
    assert "tried:" in done.stdout and "embedding of 32 numbers" in done.stdout


def test_a_repository_can_not_trust_itself(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/sly", bert)
    repo.files["trust.json"] = b'{"trusted": "me"}'
    info = cli.json("model", "import", "hf:org/sly", "--no-smoke", "-q")
    assert not (Path(info["path"]) / "trust.json").exists()


def test_a_card_full_of_escape_sequences_is_text(hub: Hub, cli: Cli, bert: Path) -> None:
    repo = hub.add("org/tiny", bert)
    evil = "\x1b]0;owned\x07\x1b[2J"
    repo.files["README.md"] = f'---\nlicense: "mit{evil}"\n---\n{evil}'.encode()
    for words in (
        ("model", "import", "hf:org/tiny", "--no-smoke"),
        ("model", "show", "tiny"),
        ("model", "list"),
    ):
        done = cli.run(*words)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr
