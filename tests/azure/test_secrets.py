"""No token, key or client secret is left anywhere: files, logs, process arguments, bundles."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fmtui.services.context import Context
from tests.azure import azurite
from tests.azure.runs import end_followers
from tests.azure.standin.server import StandIn
from tests.command import fmtui
from tests.tiny import write_messages


class _Arguments(threading.Thread):
    """Collects the arguments of every process that is there while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue


def test_no_secret_is_left_anywhere(
    azure: StandIn,
    ctx: Context,
    tmp_path: Path,
    uploads: azurite.Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    data = write_messages(tmp_path / "train.csv", 40)
    arguments = _Arguments()
    arguments.start()
    said = []
    body = '{"input_data": ["I lost my card"]}'
    for words in (
        ["azure", "status"],
        ["azure", "pick", "ws-models"],
        ["catalog", "sync", "azureml", "--live"],
        ["finetune", "azureml:roberta-base", "--task", "text-classification", "--train",
         str(data), "--backend", "azureml", "--name", "bank", "--wait"],
        ["model", "download", "bank"],
        ["model", "export", "bank", "--to", str(tmp_path / "bundle.tar")],
        ["endpoint", "create", "bank", "--target", "azureml"],
        ["endpoint", "deploy", "bank", "--model", "azureml:roberta-base", "--yes"],
        ["endpoint", "invoke", "bank", "--body", body],
        ["endpoint", "logs", "bank"],
        ["model", "upload", "bank", "--name", "bank-here"],
        ["endpoint", "create", "nightly", "--target", "azureml", "--kind", "batch"],
        ["endpoint", "deploy", "nightly", "--model", "azureml:roberta-base@19", "--compute",
         "gpu-cluster", "--yes"],
        ["batch", "invoke", "nightly", "--data", str(data), "--yes", "--wait"],
        ["endpoint", "create", "talk", "--target", "azureml", "--kind", "serverless", "--model",
         "azureml:Llama-serverless", "--yes"],
        ["doctor"],
    ):  # fmt: skip
        done = fmtui(*words)
        assert done.code == 0, (words, done.err)
        said.append(done.out + done.err)
    end_followers(ctx.home.root)
    arguments.stop.set()
    arguments.join()

    world = azure.world
    secrets = [azure.secret, world.account_key, *world.issued, *world.sas]
    served = (*world.online.values(), *world.serverless.values())
    secrets += [key for endpoint in served for key in endpoint.keys.values()]
    assert len(secrets) > 5 and all(len(secret) > 20 for secret in secrets)
    ctx.db.close()
    files = [path for path in (*ctx.home.root.rglob("*"), tmp_path / "bundle.tar")
             if path.is_file()]  # fmt: skip
    assert len(files) > 20
    for secret in secrets:
        needle = secret.encode()
        for path in files:
            assert needle not in path.read_bytes(), f"a secret lies in {path}"
        assert not any(needle in words for words in arguments.seen), "a secret was an argument"
        assert not any(secret in text for text in said), "a secret was printed"
