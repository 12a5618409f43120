"""The doctor looks and never touches."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fmtui.services import models
from fmtui.services.context import Context
from fmtui.services.doctor import examine


def test_a_fresh_home_is_well_and_stays_unmade(ctx: Context) -> None:
    checks = {c.name: c for c in examine(ctx)}
    assert checks["registry"].found.startswith("not made yet")
    assert not ctx.home.root.exists()
    assert all(c.verdict != "error" for c in checks.values())


def test_the_registry_is_counted(ctx: Context) -> None:
    ctx.db.prepare()
    checks = {c.name: c for c in examine(ctx)}
    assert "156 in the catalogue" in checks["registry"].found


def test_what_a_killed_import_left_is_told_of(ctx: Context, bert: Path) -> None:
    folder = Path(models.import_model(ctx, str(bert), name="tiny").path)
    assert {c.name: c for c in examine(ctx)}["models"].verdict == "ok"
    shutil.copytree(folder, folder.with_name("2"))
    found = {c.name: c for c in examine(ctx)}["models"]
    assert (found.verdict, "tiny/2" in found.found, "tiny/1" in found.found) == (
        "warning", True, False,
    )  # fmt: skip


def test_a_file_that_is_no_registry_is_told_of(ctx: Context) -> None:
    ctx.home.root.mkdir(parents=True)
    ctx.home.registry.write_bytes(b"not a database" * 100)
    checks = {c.name: c for c in examine(ctx)}
    assert checks["registry"].verdict == "error"


def test_a_token_is_found_but_never_shown(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    checks = {c.name: c for c in examine(ctx)}
    assert checks["hub token"].found == "from HF_TOKEN"
    assert not any("hf_secret" in str(c) for c in checks.values())
