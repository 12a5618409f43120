"""No token, key or client secret is left anywhere: files, logs, process arguments, bundles."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fmtui.services.context import Context
from tests.azure import azurite
from tests.azure.runs import end_followers
from tests.azure.standin import accounts, identity
from tests.azure.standin.server import StandIn
from tests.azure.standin.world import World
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
    ctx.db.close()
    files = [path for path in (*ctx.home.root.rglob("*"), tmp_path / "bundle.tar")
             if path.is_file()]  # fmt: skip
    assert len(files) > 20
    _nowhere(secrets, files, arguments.seen, said)


def _nowhere(secrets: list[str], files: list[Path], arguments: set[bytes], said: list[str]) -> None:
    """None of these lies in a file, was an argument of a process or was printed."""
    assert len(secrets) > 5 and all(len(secret) > 20 for secret in secrets)
    for secret in secrets:
        needle = secret.encode()
        for path in files:
            assert needle not in path.read_bytes(), f"a secret lies in {path}"
        assert not any(needle in words for words in arguments), "a secret was an argument"
        assert not any(secret in text for text in said), "a secret was printed"


class _Browser(threading.Thread):
    """Enters every code as soon as it was given out, as a person does."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world, self.stop = world, threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.05):
            for device in list(self.world.devices.values()):
                if device.state == "pending":
                    accounts.enter(self.world, device.user_code)


def test_no_secret_of_any_way_to_sign_in_is_left_anywhere(
    azure: StandIn,
    ctx: Context,
    tmp_path: Path,
    uploads: azurite.Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a code, as a machine, and where each of them is refused; short tokens, so many of them."""
    monkeypatch.setenv("FMTUI_AZURE_POLL_SECONDS", "0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "person").mkdir()
    world, arguments, browser = azure.world, _Arguments(), _Browser(azure.world)
    world.token_seconds = 2
    arguments.start()
    browser.start()
    said: list[str] = []
    data = write_messages(tmp_path / "train.csv", 40)

    def go(*words: str, code: int = 0) -> None:
        done = fmtui(*words)
        assert done.code == code, (words, done.err)
        said.append(done.out + done.err)

    def finetune(name: str) -> None:
        go("finetune", "azureml:roberta-base@19", "--task", "text-classification", "--train",
           str(data), "--backend", "azureml", "--compute", "gpu-cluster", "--name", name,
           "--wait")  # fmt: skip

    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name)
    go("azure", "login")
    go("azure", "status")
    finetune("by-code")
    accounts.take_back(world)
    go("azure", "status", code=5)
    go("catalog", "sync", "azureml", "--live", code=5)
    go("azure", "logout")
    with identity.serving(world) as machine:
        for name, value in machine.app_service().items():
            monkeypatch.setenv(name, value)
        go("azure", "status")
        finetune("by-machine")
        go("model", "export", "by-machine", "--to", str(tmp_path / "bundle.tar"))
        machine.absent = True
        go("azure", "status", code=5)
        header = machine.header
    go("doctor")
    end_followers(ctx.home.root)
    for thread in (arguments, browser):
        thread.stop.set()
        thread.join()

    assert len(world.devices) == 1 and world.kept
    secrets = [*world.devices, *world.kept, header, *world.issued, *world.sas]
    ctx.db.close()
    files = [path for path in ctx.home.root.rglob("*") if path.is_file()]
    assert any(path.name == "follower.txt" for path in files)
    # A sign-in is kept in one place, which only its owner reads; logging out emptied it.
    files += [path for path in (tmp_path / "person").rglob("*") if path.is_file()]
    files.append(tmp_path / "bundle.tar")
    _nowhere(secrets, files, arguments.seen, said)
