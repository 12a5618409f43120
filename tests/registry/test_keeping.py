"""Tags, notes, and what is on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fmtui.services import keeping, models
from fmtui.services.context import Context
from registry.errors import UsageError
from tests.command import fmtui


def test_tags_and_a_note_are_kept_shown_and_searched(ctx: Context, bert: Path) -> None:
    models.import_model(ctx, str(bert), name="mine")
    assert keeping.tag(ctx, "mine", add=["prod", "best", "prod"]).tags == ("best", "prod")
    assert keeping.tag(ctx, "mine", remove=["best", "never"]).tags == ("prod",)
    assert keeping.note(ctx, "mine", " for the shop ").note == "for the shop"
    (info,) = models.list_models(ctx)
    assert models.holds(info, "shop prod") and not models.holds(info, "best")
    assert keeping.note(ctx, "mine", "").note is None
    for bad in ("", "two words", "\x1b[2J", "a" * 65):
        with pytest.raises(UsageError):
            keeping.tag(ctx, "mine", add=[bad])
    models.remove(ctx, "mine")
    assert ctx.db.read().execute("SELECT count(*) FROM model_tag").fetchone()[0] == 0


def test_bytes_that_lie_in_two_places_are_counted_once(ctx: Context, bert: Path) -> None:
    models.import_model(ctx, str(bert), name="one")
    first = models.show(ctx, "one")
    whole = first.size_bytes or 0
    found = keeping.disk(ctx)
    assert (found.total, found.models[0].own) == (whole, whole)
    models.register_output(
        ctx,
        folder=Path(first.path),
        name="two",
        parent_ref="one",
        origin="run:r1",
        task=None,
        labels=(),
        license=None,
    )
    blobs, output = keeping.hub_cache() / "models--a--b" / "blobs", ctx.home.runs / "r1" / "output"
    for folder in (blobs, output):
        folder.mkdir(parents=True)
        os.link(Path(first.path) / "config.json", folder / "config.json")
    config = (Path(first.path) / "config.json").stat().st_size
    found = keeping.disk(ctx)
    assert found.total == whole
    for model in found.models:
        assert (model.bytes, model.own, model.models) == (whole, 0, whole)
        assert (model.cache, model.runs) == (config, config)


@pytest.mark.parametrize("purge", [False, True])
def test_the_hubs_cache_is_left_alone_unless_asked(ctx: Context, bert: Path, purge: bool) -> None:
    models.import_model(ctx, str(bert), name="mine")
    revision = "a" * 40
    with ctx.db.write() as connection:
        connection.execute(
            "UPDATE model_version SET origin = ?, revision = ?",
            (f"hf:org/name@{revision}", revision),
        )
    repo = keeping.hub_cache() / "models--org--name"
    for commit in (revision, "b" * 40):
        (repo / "snapshots" / commit).mkdir(parents=True)
        (repo / "blobs").mkdir(exist_ok=True)
        (repo / "blobs" / commit[:3]).write_bytes(commit.encode())
        (repo / "snapshots" / commit / "config.json").symlink_to(repo / "blobs" / commit[:3])
    words = ["--purge-cache"] if purge else []
    assert fmtui("model", "remove", "mine", "-y", *words).code == 0
    assert (repo / "blobs" / "aaa").exists() is not purge
    assert (repo / "blobs" / "bbb").exists()
