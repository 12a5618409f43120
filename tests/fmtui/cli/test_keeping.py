"""The commands that keep models: verify, tag, note, disk, export and import of a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import fmtui


def test_models_are_kept_from_one_home_to_another(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fmtui("model", "import", str(bert), "--name", "mine", "--no-smoke").code == 0
    assert fmtui("model", "tag", "mine", "add", "prod").out == "mine:1: prod\n"
    assert fmtui("model", "note", "mine", "for the shop").code == 0
    (listed,) = fmtui("model", "list", "shop", "--tag", "prod", "--json").json
    assert (listed["ref"], listed["tags"], listed["note"]) == ("mine:1", ["prod"], "for the shop")
    assert fmtui("model", "list", "--tag", "other", "--json").json == []
    assert fmtui("model", "disk", "--json").json["total"] == listed["size_bytes"]
    bundle = str(tmp_path / "bundle.tar")
    assert fmtui("model", "export", "mine", "--to", bundle, "-q").code == 0
    monkeypatch.setenv("FMTUI_HOME", str(tmp_path / "elsewhere"))
    assert fmtui("model", "import", bundle, "-q").out == "mine:1   new\n"
    assert fmtui("model", "import", bundle, "-q").out == "mine:1   was here already\n"
    assert fmtui("model", "verify", "--all", "--json").json == [
        {"ref": "mine:1", "ok": True, "missing": [], "changed": []}
    ]


def test_verify_finds_a_flipped_bit_and_what_is_missing(bert: Path) -> None:
    fmtui("model", "import", str(bert), "--name", "mine", "--no-smoke")
    fmtui("model", "import", str(bert), "--name", "whole", "--no-smoke")
    folder = Path(fmtui("model", "show", "mine", "--json").json["path"])
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "tokenizer.json").unlink()
    done = fmtui("model", "verify", "--all", "-q")
    assert (done.code, done.out) == (4, "whole:1: verified\n")
    assert "tokenizer.json is missing, model.safetensors has changed" in done.err
    reports = fmtui("model", "verify", "mine", "whole", "--json", "-q").json
    assert [report["ok"] for report in reports] == [False, True]
    assert fmtui("model", "verify").code == 2
