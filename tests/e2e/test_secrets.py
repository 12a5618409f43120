"""No token, password or key of a person is left anywhere but where it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.serving import control
from fmtui.serving.definition import EndpointFolder
from tests.e2e.cli import Cli
from tests.hubserver import Hub, running
from tests.serving_tools import ECHO

TOKEN, FILED = "hf_EnvironmentTokenAbcdef123", "hf_TokenOfTheFileXyz987654"
PASSWORD = "pass-word-of-the-mirror"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture
def home(cli: Cli) -> Iterator[Path]:
    yield cli.home
    for folder in (cli.home / "endpoints").glob("*"):
        control.end(EndpointFolder(folder), grace=0)


def test_secrets_stay_where_they_are(
    tiny: Cli, home: Path, hub: Hub, bert: Path, tmp_path: Path
) -> None:
    """Token file, environment, passwords in addresses and an endpoint's keys, on every way."""
    hf = tmp_path / "hf"
    hf.mkdir()
    (hf / "token").write_text(FILED)
    open_hub = {"HF_HOME": str(hf), **hub.environment()}
    with_password = hub.url.replace("://", f"://someone:{PASSWORD}@")
    hub.add("org/gated", bert, gated=True, token=FILED)
    hub.add("org/environment", bert, gated=True, token=TOKEN)
    hub.add("org/closed", bert, gated=True, token="another")
    hub.add("org/tiny", bert)
    hub.models = [{"id": f"org/m{at}", "downloads": 9 - at} for at in range(6)]
    hub.page = 2
    told: list[str] = []

    def run(*words: str, code: int = 0, **extra: str) -> str:
        done = Cli(home, {**open_hub, **extra}).run(*words, code=code)
        told.append(done.stdout + done.stderr)
        return done.stdout

    run("model", "import", "hf:org/gated", "--no-smoke")
    run("model", "import", "hf:org/environment", "--no-smoke", HF_TOKEN=TOKEN)
    run("model", "import", "hf:org/closed", code=5, HF_TOKEN=TOKEN)
    run("model", "import", "hf:org/tiny", "--no-smoke", "--name", "t", HF_ENDPOINT=with_password)
    run("catalog", "sync", "huggingface", "--limit", "4", HF_ENDPOINT=with_password)
    hub.list_busy = [(403, "")]
    run("catalog", "sync", "huggingface", code=5, HF_ENDPOINT=with_password)
    gone = {"HF_ENDPOINT": f"http://someone:{PASSWORD}@127.0.0.1:9"}
    run("model", "import", "hf:org/other", code=5, **gone)
    run("catalog", "sync", "huggingface", code=5, **gone)
    run("doctor", HF_TOKEN=TOKEN, **gone)

    settings = ("--set", "num_train_epochs=1", "--set", "max_steps=2")
    finetune = ("finetune", "tiny", "--task", "text-classification", "--train", "train")
    run(*finetune, "--name", "made", *settings, "--wait", HF_TOKEN=TOKEN)

    script = tmp_path / "score.py"
    script.write_text(ECHO)
    run("endpoint", "create", "bank", HF_TOKEN=TOKEN)
    run("endpoint", "deploy", "bank", "--model", "made", "--script", str(script), HF_TOKEN=TOKEN)
    run("endpoint", "invoke", "bank", "--body", '{"input_data": [1]}')
    keys = json.loads(Cli(home, {}).run("endpoint", "keys", "bank", "--json").stdout)
    secrets = [TOKEN, FILED, PASSWORD, *(keys[which] for which in ("primary", "secondary"))]
    run("model", "export", "made", "gated", "t", "--to", str(tmp_path / "all.tar"))

    for process in Path("/proc").glob("[0-9]*/cmdline"):
        words = process.read_bytes() if process.exists() else b""
        assert not [s for s in secrets if s.encode() in words], words
    held: dict[str, list[str]] = {}
    for file in [*home.rglob("*"), tmp_path / "all.tar"]:
        if file.is_file() and (found := [s for s in secrets if s.encode() in file.read_bytes()]):
            held[file.name] = found
    assert held == {"keys.json": secrets[3:]}
    assert not [s for s in secrets if s in "".join(told)]
