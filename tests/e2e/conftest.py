"""Homes in which the whole product runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cli import Cli
from tests.tiny import write_messages


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home", {})


@pytest.fixture
def tiny(cli: Cli, bert: Path, tmp_path: Path) -> Cli:
    """A home with the model `tiny`, the data `train` and `test`."""
    cli.run("model", "import", "--no-smoke", str(bert), "--name", "tiny")
    for name, rows, seed in (("train", 240, 0), ("test", 60, 1)):
        file = write_messages(tmp_path / f"{name}.csv", rows, seed)
        cli.run("data", "add", str(file), "--name", name)
    return cli
