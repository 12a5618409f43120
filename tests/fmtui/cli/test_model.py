"""`fmtui model`: the shapes that others rely on, exit codes, what people read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import fmtui

SHAPE = {
    "ref", "name", "version", "task", "architecture", "parameters", "size_bytes", "license",
    "origin", "parent", "run", "state", "path",
}  # fmt: skip


def test_a_model_goes_in_is_shown_verified_and_removed(bert: Path) -> None:
    assert "No models yet" in fmtui("model", "list").out
    imported = fmtui("model", "import", "--no-smoke", str(bert), "--name", "tiny", "--json")
    assert imported.code == 0
    assert imported.json.keys() >= SHAPE
    assert "copying model.safetensors" in imported.err
    shown = fmtui("model", "show", "tiny", "--json").json
    assert shown.pop("lineage") == [
        {"ref": "tiny:1", "parent": None, "run": None, "deployments": []}
    ]
    assert shown == imported.json
    assert fmtui("model", "list", "--json").json == [imported.json]
    assert "tiny:1  feature-extraction  BertModel" in fmtui("model", "list").out
    shown = fmtui("model", "show", "tiny:1").out
    assert "folder:tiny-bert" in shown and "model.safetensors" in shown
    verified = fmtui("model", "verify", "tiny", "--json", "-q")
    assert verified.json == {"ref": "tiny:1", "ok": True, "missing": [], "changed": []}
    assert verified.err == ""
    assert "removed tiny:1" in fmtui("model", "remove", "tiny", "-y").out
    assert fmtui("model", "list", "--json").json == []


def test_a_changed_file_is_an_error_with_its_name(bert: Path) -> None:
    path = fmtui("model", "import", "--no-smoke", str(bert), "--name", "tiny", "--json").json[
        "path"
    ]
    (Path(path) / "config.json").write_text("{}")
    done = fmtui("model", "verify", "tiny", "-q")
    assert done.code == 4
    assert "config.json has changed" in done.err
    done = fmtui("model", "verify", "tiny", "-q", "--json")
    assert (done.code, done.json["changed"]) == (4, ["config.json"])


def test_exit_codes_say_what_kind_of_error_it_is(bert: Path, tmp_path: Path) -> None:
    assert fmtui("model", "show", "absent").code == 3
    assert fmtui("model", "import", "--no-smoke", str(tmp_path / "absent")).code == 3
    assert fmtui("model", "import", "--no-smoke", str(tmp_path)).code == 4
    assert fmtui("model", "import").code == 2
    fmtui("model", "import", "--no-smoke", str(bert), "--name", "tiny")
    done = fmtui("model", "import", "--no-smoke", str(bert), "--name", "tiny", "--json")
    assert done.code == 4
    assert "a model `tiny` exists" in done.json["error"]["message"]
    assert "--name" in done.json["error"]["hint"]


def test_ctrl_c_exits_130_and_leaves_nothing(tmp_path: Path, bert: Path) -> None:
    # A pipe that nobody writes to stalls the import, as a slow disk would.
    folder = tmp_path / "slow"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    os.mkfifo(folder / "vocab.txt")
    code = (
        "import sys; from pathlib import Path; import registry.store as store\n"
        "real = store.Incoming.copy\n"
        "def slow(self, source, name, advance):\n"
        "    real(self, source, name, advance); print('copied', flush=True)\n"
        "    open(source.parent / 'vocab.txt').read()\n"
        "store.Incoming.copy = slow\n"
        "from fmtui.cli import main; main()\n"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            code,
            "model",
            "import",
            "--no-smoke",
            str(folder),
            "--name",
            "x",
            "-q",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "copied\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "interrupted")
    assert list((Path(os.environ["FMTUI_HOME"]) / "models").iterdir()) == []
    assert fmtui("model", "list", "--json").json == []


@pytest.mark.shared
def test_a_real_model_is_imported(shared: Path) -> None:
    info = fmtui(
        "model", "import", "--no-smoke", str(shared / "models" / "marian-tiny-en-pt"), "--json"
    ).json
    assert (info["ref"], info["task"]) == ("marian-tiny-en-pt:1", "translation")
    assert info["parameters"] == 17_170_945
