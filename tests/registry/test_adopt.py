"""What other tools left in the hub's cache is registered where it is."""

from __future__ import annotations

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


def test_all_that_the_cache_holds_is_adopted_in_place(
    hub: Hub, home: Home, bert: Path, tmp_path: Path
) -> None:
    cli = Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})
    assert "holds no model" in cli.run("model", "adopt").stdout
    for repo in ("one/tiny", "two/tiny", "org/bad"):
        hub.add(repo, bert)
    hub.repos["two/tiny"].files["README.md"] = b"---\nlicense: mit\n---\n"
    fetch = (
        "import sys; from huggingface_hub import snapshot_download\n"
        "for repo in sys.argv[1:]: snapshot_download(repo)"
    )
    import subprocess
    import sys

    subprocess.run(
        [sys.executable, "-c", fetch, "one/tiny", "two/tiny", "org/bad"],
        env=cli.env,
        check=True,
        capture_output=True,
    )
    cache = tmp_path / "hf" / "hub"
    (weights,) = (cache / "models--org--bad").glob("snapshots/*/model.safetensors")
    weights.unlink()
    assert [row["ref"] for row in cli.json("model", "adopt")] == [None] * 3
    asked = len(hub.requests)
    rows = {row["repo"]: row for row in cli.json("model", "adopt", "--all", "-q")}
    assert (rows["one/tiny"]["ref"], rows["two/tiny"]["ref"]) == ("tiny:1", "two-tiny:1")
    assert rows["org/bad"]["ref"] is None and "no weights" in rows["org/bad"]["error"]
    info = cli.json("model", "show", "two-tiny")
    assert info["state"] == "verified" and info["license"] == "mit"
    assert info["origin"] == f"hf:two/tiny@{hub.repos['two/tiny'].commit}"
    (blob,) = (cache / "models--two--tiny").glob("snapshots/*/model.safetensors")
    assert blob.resolve().samefile(Path(info["path"]) / "model.safetensors")
    assert len(hub.requests) == asked, "the hub is left alone"
    again = cli.json("model", "adopt", "--all", "-q")
    assert [row["repo"] for row in again] == ["org/bad"], "nothing is adopted twice"
    cli.run("model", "adopt", "org/absent", code=3)
