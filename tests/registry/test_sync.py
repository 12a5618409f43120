"""A sync replaces a source as a whole; readers see what was before or what is after."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fmtui.services import catalog
from fmtui.services.context import Context
from registry.catalog.entries import Entry
from registry.catalog.sync import sync
from registry.catalog.views import SyncResult
from registry.errors import BadInputError, FmtuiError
from tests.registry.specifications import write_spec


@dataclass
class Listed:
    """A source that is a list."""

    name: str
    listed: Iterable[Entry]

    def entries(self) -> Iterator[Entry]:
        yield from self.listed


def names(ctx: Context, query: str = "", **filters: str) -> list[str]:
    return [row.name for row in catalog.search(ctx, query, **filters).rows]


def test_a_new_registry_starts_with_the_bundled_catalogue(ctx: Context) -> None:
    page = catalog.search(ctx, limit=200)
    assert (page.total, page.capped, len(page.rows)) == (156, False, 156)
    assert all(row.description is None and row.ref.startswith("azureml:") for row in page.rows)


def test_filling_a_new_registry_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from registry.database import Database\n"
        "Database(Path(sys.argv[1])).read()\n"
        "print(*sorted({'yaml', 'sqlmodel', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r.db")], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_sync_tells_what_is_new_updated_and_gone(ctx: Context, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_spec(tmp_path / "one", name)
    assert catalog.sync_azureml(ctx, tmp_path / "one") == SyncResult("azureml", 3, 0, 156, 3)
    assert catalog.sync_azureml(ctx, tmp_path / "one") == SyncResult("azureml", 0, 0, 0, 3)
    write_spec(tmp_path / "two", "a")
    write_spec(tmp_path / "two", "b", version=2)
    write_spec(tmp_path / "two", "d")
    assert catalog.sync_azureml(ctx, tmp_path / "two") == SyncResult("azureml", 1, 1, 1, 3)
    assert sorted(names(ctx)) == ["a", "b", "d"]
    assert catalog.show(ctx, "azureml:b").version == "2"


def test_a_broken_specification_changes_nothing(ctx: Context, tmp_path: Path) -> None:
    write_spec(tmp_path, "good")
    (write_spec(tmp_path, "broken") / "spec.yaml").write_text("name: [")
    with pytest.raises(BadInputError, match="broken"):
        catalog.sync_azureml(ctx, tmp_path)
    assert catalog.search(ctx).total == 156
    assert names(ctx, "roberta-large-mnli") == ["roberta-large-mnli"]


def test_an_entry_that_can_not_be_written_takes_the_whole_sync_back(ctx: Context) -> None:
    with pytest.raises(FmtuiError, match="can't be a model's name"):
        sync(ctx.db, Listed("azureml", [Entry("fine"), Entry("not a name\x1b[2J")]))
    assert catalog.search(ctx).total == 156
    assert sync(ctx.db, Listed("azureml", [Entry("fine")])).total == 1


def test_a_reader_within_a_sync_sees_the_rows_of_before(ctx: Context) -> None:
    def seen() -> tuple[int, int]:
        return catalog.search(ctx).total, catalog.search(ctx, "roberta").total

    def slow() -> Iterator[Entry]:
        yield Entry("one")
        during.append(seen())
        with ctx.db.write() as connection:  # who writes does not wait for a sync
            connection.execute("INSERT INTO model (name, created) VALUES ('x', '')")

    during: list[tuple[int, int]] = []
    before = seen()
    sync(ctx.db, Listed("azureml", slow()))
    assert [before] == during == [(156, 8)]
    assert seen() == (1, 0)


def test_a_catalogue_that_was_deleted_or_broken_is_the_bundled_one_again(ctx: Context) -> None:
    sync(ctx.db, Listed("azureml", [Entry("one")]))
    assert names(ctx) == ["one"]
    ctx.db.catalog.unlink()
    assert catalog.search(ctx).total == 156
    ctx.db.catalog.write_bytes(b"no catalogue" * 1000)
    assert catalog.search(ctx).total == 156


def test_a_sync_keeps_what_it_changed(ctx: Context) -> None:
    sync(ctx.db, Listed("hf", [Entry("org/a"), Entry("org/b", license="mit"), Entry("org/c")]))
    sync(ctx.db, Listed("hf", [Entry("org/b", license="mit-0"), Entry("org/c"), Entry("org/d")]))
    sync(ctx.db, Listed("azureml", [Entry("one", "7")]))
    azureml, hf = catalog.changes(ctx)
    assert (hf.new, hf.updated, hf.gone, hf.total) == (1, 1, 1, 3)
    assert hf.names == {"new": ("hf:org/d",), "updated": ("hf:org/b",), "gone": ("hf:org/a",)}
    assert (azureml.new, azureml.gone) == (1, 156)
    assert azureml.names["new"] == ("azureml:one@7",)


def test_sources_stand_side_by_side_ranked_by_downloads(ctx: Context) -> None:
    sync(ctx.db, Listed("azureml", [Entry("first"), Entry("second")]))
    hub = [Entry("org/rare", downloads=5), Entry("org/known", downloads=900), Entry("org/none")]
    assert sync(ctx.db, Listed("hf", hub)) == SyncResult("hf", 3, 0, 0, 3)
    assert names(ctx) == ["org/known", "org/rare", "first", "second", "org/none"]
    assert names(ctx, source="hf") == ["org/known", "org/rare", "org/none"]
    sync(ctx.db, Listed("hf", []))
    assert names(ctx) == ["first", "second"]


def test_a_model_that_is_listed_twice_is_kept_once(ctx: Context) -> None:
    listed = [Entry("Same", license="mit"), Entry("same", license="other")]
    assert sync(ctx.db, Listed("azureml", listed)).total == 1
    assert catalog.show(ctx, "azureml:same").license == "mit"
