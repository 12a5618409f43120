"""What all tests share: a home of their own, a registry in it, models that are small but real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmtui.paths import Home
from fmtui.services.context import Context
from registry.database import Database
from tests.tiny import write_bert

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the person's own home, hub cache or token, or reaches for the network."""
    monkeypatch.setenv("FMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "az"))
    for name in [
        name
        for name in os.environ
        if name.startswith(("AZUREML_", "FMTUI_AZURE_")) and name != "FMTUI_AZURE_SPECS"
    ]:
        monkeypatch.delenv(name)
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "NO_COLOR", "TMUX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def ctx(home: Home) -> Iterator[Context]:
    context = Context(home, Database(home.registry))
    yield context
    context.db.close()


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT encoder of some ten thousand parameters with its tokenizer; made without torch."""
    return write_bert(tmp_path_factory.mktemp("bert") / "tiny-bert")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' data beside the checkout; what needs it skips elsewhere."""
    if not SHARED.is_dir():
        pytest.skip("needs the developers' data in ../shared")
    return SHARED


def pytest_configure() -> None:
    # Two workers of pytest on two cores: each process computes on one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
