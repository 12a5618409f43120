"""What other tools left in the hub's cache is registered where it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli
from tests.hubserver import Hub, blob_id, running, sha256


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
    assert "may hold a part of it only" in rows["org/bad"]["error"]
    info = cli.json("model", "show", "two-tiny")
    assert info["state"] == "verified" and info["license"] == "mit"
    assert info["origin"] == f"hf:two/tiny@{hub.repos['two/tiny'].commit}"
    (blob,) = (cache / "models--two--tiny").glob("snapshots/*/model.safetensors")
    assert blob.resolve().samefile(Path(info["path"]) / "model.safetensors")
    assert len(hub.requests) == asked, "the hub is left alone"
    again = cli.json("model", "adopt", "--all", "-q")
    assert [row["repo"] for row in again] == ["org/bad"], "nothing is adopted twice"
    cli.run("model", "adopt", "org/absent", code=3)


COMMIT = "a" * 40


def lay(cache: Path, repo: str, source: Path, *, copies: bool = False, main: str = COMMIT) -> Path:
    """A repository in the cache as other tools leave it, its blobs named by what they are."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir()
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(main)
    for path in source.iterdir():
        if copies:
            (snapshot / path.name).write_bytes(path.read_bytes())
            continue
        name = sha256(path.read_bytes()) if path.suffix == ".safetensors" else None
        name = name or blob_id(path.read_bytes())
        (folder / "blobs" / name).write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(f"../../blobs/{name}")
    return folder


def test_what_is_odd_in_the_cache_is_told_and_stops_nothing(
    home: Home, bert: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "hf" / "hub"
    cli = Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"})
    lay(cache, "org/good", bert)
    part = lay(cache, "org/part", bert)
    (part / "snapshots" / COMMIT / "tokenizer.json").resolve().unlink()
    lay(cache, "org/copies", bert, copies=True)
    lay(cache, "org/climbs", bert, main="../../../../../outside")
    Path(shutil.copytree(bert, tmp_path / "outside"))
    snapshots = cache / "models--org--file" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / COMMIT).write_text("no folder")
    rows = {row["repo"]: row for row in cli.json("model", "adopt", "--all", "-q")}
    assert rows.keys() == {"org/good", "org/part", "org/copies", "org/climbs"}
    assert "lacks tokenizer.json" in rows["org/part"]["error"]
    states = {row["ref"]: row["state"] for row in cli.json("model", "list")}
    assert states == {
        "good:1": "verified", "climbs:1": "verified", "copies:1": "registered",
    }, "nothing tells what a copy must be"  # fmt: skip
    done = cli.run("model", "import", "hf:org/climbs", "--name", "x", code=3)
    assert "was never fetched at main" in done.stderr
