"""The cross-check with a hub that someone else wrote: olah serves a local git repository."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli, until
from tests.tiny import write_bert

pytestmark = pytest.mark.stress


def commit(repo: Path) -> bytes:
    """Make of a model's folder a git repository with its weights in LFS; returns the weights."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        subprocess.run(["git", *who, "-C", str(repo), *words], check=True, capture_output=True)

    body = (repo / "model.safetensors").read_bytes()
    oid = hashlib.sha256(body).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(body)}\n"
    (repo / "model.safetensors").write_text(pointer)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    objects = repo / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4]
    objects.mkdir(parents=True)
    (objects / oid).write_bytes(body)
    return body


@pytest.fixture
def olah(tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    body = commit(write_bert(tmp_path / "mirrors" / "models" / "org" / "tiny"))
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "-q"]
    if subprocess.run([*pip, "olah"], capture_output=True, check=False).returncode:
        pytest.skip("olah can't be installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "olah.toml").write_text(
        f'[basic]\nhost = "127.0.0.1"\nport = {port}\nmirror-scheme = "http"\n'
        f'mirror-netloc = "127.0.0.1:{port}"\nmirror-lfs-netloc = "127.0.0.1:{port}"\n'
        f'repos-path = "{tmp_path}/repos"\nmirrors-path = ["{tmp_path}/mirrors"]\n'
        "[accessibility]\noffline = true\n"
    )
    server = subprocess.Popen(
        [venv / "bin" / "olah-cli", "-c", "olah.toml", "--log-path", "logs"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert server.poll() is None
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(answers)
        yield f"http://127.0.0.1:{port}", body
    finally:
        server.terminate()
        server.wait()


def test_a_git_repository_that_olah_serves_is_imported(
    olah: tuple[str, bytes], home: Home, tmp_path: Path
) -> None:
    url, body = olah
    where = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "*"}
    cli = Cli(home.root, where)
    found = cli.json("model", "import", "hf:org/tiny@main", "--dry-run")
    assert (found["ok"], found["parameters"]) == (True, 21_632)
    info = cli.json("model", "import", "hf:org/tiny@main", "--no-smoke", "-q")
    assert (info["state"], info["revision"]) == ("verified", found["commit"])
    assert (Path(info["path"]) / "model.safetensors").read_bytes() == body
