"""A large file from a hub: killed, cut, refused, sent in one piece: what came is never lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fmtui.paths import Home
from registry.database import Database
from registry.hub import partial
from tests.e2e.cli import Cli, until
from tests.hubserver import PIECE, Hub, running, sha256

MIB = 1 << 20
IN_FLIGHT = 6 * MIB
"""What a kill may lose of each connection: what lies in buffers of the system on the way."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def cli(hub: Hub, home: Home, tmp_path: Path) -> Cli:
    return Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})


def blobs(tmp_path: Path) -> Path:
    return tmp_path / "hf" / "hub" / "models--org--big" / "blobs"


def grow(hub: Hub, bert: Path, mib: int) -> bytes:
    """A repository whose weights are so large: the tiny model and a tensor beside it."""
    repo = hub.add("org/big", bert)
    tensors = load_file(bert / "model.safetensors")
    tensors["ballast"] = np.random.default_rng(1).integers(0, 255, mib * MIB, np.uint8)
    grown = bert.parent / f"grown-{mib}.safetensors"
    save_file(tensors, grown, metadata={"format": "pt"})
    repo.files["model.safetensors"] = grown.read_bytes()
    return repo.files["model.safetensors"]


def came(tmp_path: Path) -> int:
    """Bytes that the maps of the parts hold as done."""
    total = 0
    for path in blobs(tmp_path).glob("*.parts"):
        raw = path.read_bytes()
        total += sum(int.from_bytes(raw[at : at + 8], "little") for at in range(24, len(raw), 16))
    return total


def killed_again_and_again(
    hub: Hub, cli: Cli, home: Home, tmp_path: Path, weights: bytes, kills: int
) -> None:
    rng = random.Random(7)
    lost = 0
    for kill in range(kills):
        goal = len(weights) * (kill + rng.random()) / (kills + 1)
        process = cli.start("model", "import", "hf:org/big", "-q", "--no-smoke")
        until(lambda goal=goal, p=process: came(tmp_path) >= goal or p.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        lost += IN_FLIGHT * partial.CONNECTIONS
        assert not list(home.models.glob("big/*")), "nothing is registered"
    hub.pause = 0
    until(lambda: hub.pouring == 0)  # it notices late that a client was killed
    before, had = hub.sent, came(tmp_path)
    info = cli.json("model", "import", "hf:org/big", "-q", "--no-smoke")
    assert hub.sent - before == len(weights) - had, "only what was missing"
    assert hub.sent <= len(weights) + lost
    assert info["state"] == "verified"
    assert (Path(info["path"]) / "model.safetensors").read_bytes() == weights
    assert sorted(p.suffix for p in blobs(tmp_path).iterdir() if p.suffix) == []
    assert cli.json("model", "verify", "big")["ok"] is True


def test_a_download_that_is_killed_goes_on_where_it_was(
    hub: Hub, cli: Cli, home: Home, bert: Path, tmp_path: Path
) -> None:
    weights = grow(hub, bert, 8)
    hub.pause = 0.01
    killed_again_and_again(hub, cli, home, tmp_path, weights, 2)


@pytest.mark.stress
def test_200_mb_are_killed_ten_times(
    hub: Hub, cli: Cli, home: Home, bert: Path, tmp_path: Path
) -> None:
    weights = grow(hub, bert, 200)
    hub.pause = 0.004
    killed_again_and_again(hub, cli, home, tmp_path, weights, 10)


def test_several_connections_share_a_large_file(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    weights = grow(hub, bert, 2 * partial.PART // MIB + 1)
    info = cli.json("model", "import", "hf:org/big", "-q", "--no-smoke")
    assert hub.sent == len(weights)
    asked = [request for request in hub.requests if "cdn/" in request]
    assert len(asked) == 2
    assert (blobs(tmp_path) / sha256(weights)).samefile(Path(info["path"]) / "model.safetensors")


def test_a_storage_without_ranges_sends_the_whole(hub: Hub, cli: Cli, bert: Path) -> None:
    weights = grow(hub, bert, 2 * partial.PART // MIB + 1)
    hub.whole_only = True
    info = cli.json("model", "import", "hf:org/big", "-q", "--no-smoke")
    assert (Path(info["path"]) / "model.safetensors").stat().st_size == len(weights)


def test_a_storage_that_is_busy_is_asked_when_it_says(
    hub: Hub, cli: Cli, home: Home, bert: Path
) -> None:
    hub.add("org/tiny", bert)
    hub.storage_busy = [(429, "0"), (503, "0"), (503, "")]
    cli.run("model", "import", "hf:org/tiny", "-q", "--no-smoke")
    cli.run("model", "remove", "tiny", "-y")
    hub.add("org/other", bert).files["model.safetensors"] += b""
    hub.repos["org/other"].files["model.safetensors"] = grow(hub, bert, 1)
    hub.storage_busy = [(429, "86400")]
    done = cli.run("model", "import", "hf:org/other", "-q", "--no-smoke", code=5)
    assert "answered 429" in done.stderr
    hub.storage_busy = [(404, "")]
    done = cli.run("model", "import", "hf:org/other", "-q", "--no-smoke", code=5)
    assert "answered 404" in done.stderr
    assert Database(home.registry).read().execute("SELECT count(*) FROM model").fetchone()[0] == 0


def test_what_is_interrupted_by_the_person_is_kept(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    weights = grow(hub, bert, 8)
    hub.pause = 0.02
    process = cli.start("model", "import", "hf:org/big", "-q", "--no-smoke")
    until(lambda: came(tmp_path) > 2 * MIB)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert 2 * MIB < came(tmp_path) < len(weights)


def test_a_map_of_another_boot_counts_what_reached_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 80 * MIB
    monkeypatch.setattr(partial, "_boot", lambda: b"a" * 16)
    first = partial.Partial(tmp_path / "blob", size)
    assert first.spans == [(0, 40 * MIB), (40 * MIB, 80 * MIB)]
    for _ in range(35):
        first.write(0, bytes(MIB))
    first.write(1, bytes(MIB))
    first.close()
    again = partial.Partial(tmp_path / "blob", size)
    assert again.done == [35 * MIB, MIB]
    again.close()
    monkeypatch.setattr(partial, "_boot", lambda: b"b" * 16)
    after = partial.Partial(tmp_path / "blob", size)
    assert after.done == [32 * MIB, 0]
    after.close()
    other = partial.Partial(tmp_path / "blob", size - 1)
    assert other.done == [0, 0], "another size is another file"
    other.close()
    assert list(tmp_path.glob("blob*")) == [], "a partial that holds nothing is not kept"


def test_progress_tells_the_rate_and_the_time_left(
    hub: Hub, cli: Cli, bert: Path, tmp_path: Path
) -> None:
    script = (
        "import json, sys; from fmtui.services import models; "
        "from fmtui.services.context import context\n"
        "def show(at): print(json.dumps([at.done, at.total, at.rate, at.seconds_left]))\n"
        "models.import_model(context(), 'hf:org/big', progress=show)"
    )
    weights = grow(hub, bert, 4)
    hub.pause = 0.02
    done = subprocess.run(
        [sys.executable, "-c", script], env=cli.env, capture_output=True, text=True, check=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    rates = [row[2] for row in told if row[2]]
    assert rates and max(rates) < PIECE / hub.pause * 4
    assert all(row[3] >= 0 for row in told if row[3] is not None)
    assert told[-1][0] == told[-1][1] >= len(weights)
