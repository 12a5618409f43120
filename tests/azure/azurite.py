"""Azurite, Microsoft's blob store for tests: the real peer of the SDK's uploads and downloads."""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.azure import npm
from tests.azure.standin.certificates import Certificates
from tests.azure.standin.workspace import CONTAINER

_START = re.compile(r"listens on https://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Store:
    """A running blob store. `key` is the account's."""

    port: int
    account: str
    key: str


def installed() -> bool:
    return _command() is not None


def _command() -> list[str] | None:
    return npm.command("azurite", "dist/src/blob/main.js")


@contextmanager
def running(certificates: Certificates, account: str) -> Iterator[Store]:
    """Start it with these certificates, everything in memory; it ends with the block."""
    command = _command()
    assert command is not None
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    with tempfile.TemporaryDirectory() as folder:
        words = [*command, "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
        words += ["--cert", str(certificates.server), "--key", str(certificates.key)]
        words += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{account}:{key}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            store = Store(_port(process), account, key)
            _make_container(store, certificates)
            yield store
        finally:
            process.terminate()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def _make_container(store: Store, certificates: Certificates) -> None:
    """The container that a workspace keeps its files in."""
    from azure.storage.blob import BlobServiceClient

    client = BlobServiceClient(
        f"https://localhost:{store.port}/{store.account}",
        credential={"account_name": store.account, "account_key": store.key},
        connection_verify=str(certificates.ca),
        use_env_settings=False,
    )
    with client:
        client.create_container(CONTAINER)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        match = _START.search(line)
        if match:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return int(match[1])
    raise AssertionError(f"Azurite did not start: {''.join(said)}")
