"""A home with something in it, made by the services themselves, without torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmtui.services import data, models
from fmtui.services.context import Context, context
from tests.tiny import write_messages


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Context:
    """The context that the screens themselves use, with an empty registry."""
    ctx = context()
    ctx.db.prepare()
    return ctx


@pytest.fixture
def stocked(here: Context, bert: Path, tmp_path: Path) -> Context:
    """One model (`tiny:1`) and two datasets (`messages:1`, `test:1`)."""
    models.import_model(here, str(bert), name="tiny")
    data.add(here, write_messages(tmp_path / "messages.csv", 60))
    data.add(here, write_messages(tmp_path / "test.csv", 30, seed=1))
    return here
