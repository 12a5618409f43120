"""The schema is written three times (migrations, SQL, SQLModel): they say the same."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.database import HEAD, Database
from registry.errors import BadInputError, StorageError
from registry.migrations import SCHEMA, dump, head, upgrade


def test_the_bundled_schema_is_what_the_migrations_build() -> None:
    assert SCHEMA.read_text() == dump(), "run `python -m registry.migrations`"


def test_the_code_expects_the_newest_revision() -> None:
    assert head() == HEAD


def test_the_tables_of_sqlmodel_are_those_of_the_migrations(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel

    import registry.tables  # noqa: F401

    path = tmp_path / "registry.db"
    upgrade(path)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_a_migrated_registry_and_a_new_one_have_the_same_schema(tmp_path: Path) -> None:
    upgrade(tmp_path / "migrated.db")
    db = Database(tmp_path / "new.db")
    db.prepare()

    def schema(path: Path) -> set[str]:
        with sqlite3.connect(path) as connection:
            rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            return {row[0].strip() for row in rows}

    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "new.db")


def test_two_processes_that_create_the_registry_at_once_get_one(tmp_path: Path) -> None:
    path = tmp_path / "home" / "registry.db"
    code = (
        "import sys; from pathlib import Path; from registry.database import Database\n"
        "sys.stdin.readline()\n"
        "rows = Database(Path(sys.argv[1])).read().execute('SELECT count(*) FROM catalog_model')\n"
        "print(rows.fetchone()[0])"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in processes] == ["156"] * 4
    assert [p.name for p in path.parent.iterdir() if p.suffix not in ("", ".db")] == []
    assert sorted(p.name for p in path.parent.glob(".*")) == []


def test_a_file_that_is_no_registry_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(b"not a database, but long enough to look like one" * 40)
    with pytest.raises(BadInputError, match="no registry of fmtui"):
        Database(path).read()
    assert path.read_bytes().startswith(b"not a database")


def test_a_registry_of_a_newer_fmtui_is_refused(tmp_path: Path) -> None:
    db = Database(tmp_path / "registry.db")
    with db.write() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(BadInputError, match="another fmtui"):
        Database(tmp_path / "registry.db").read()


def test_a_home_that_can_not_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="FMTUI_HOME"):
        Database(tmp_path / "home" / "registry.db").read()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    db = Database(tmp_path / "registry.db")

    def write_and_fail() -> None:
        with db.write() as connection:
            connection.execute("INSERT INTO model (name, created) VALUES ('x', '')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert db.read().execute("SELECT count(*) FROM model").fetchone()[0] == 0
    db.close()


def test_a_registry_of_the_first_revision_keeps_all_its_rows(tmp_path: Path) -> None:
    from alembic import command

    from registry import search
    from registry.migrations import _config

    path = tmp_path / "registry.db"
    command.upgrade(_config(path), "0001")
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO model (id, name, created) VALUES (1, 'mine', '')")
        old.execute(
            "INSERT INTO model_version (model_id, version, origin, path, size_bytes, created) "
            "VALUES (1, 1, 'azureml:one@1', '', 0, '')"
        )
        old.execute(
            "INSERT INTO catalog_model (id, source, name, version, tasks, gated, synced) "
            "VALUES (1, 'azureml', 'one', '1', '[\"fill-mask\"]', 1, 'then')"
        )
    old.close()
    db = Database(path)
    (model,) = db.read().execute("SELECT name, note FROM model_version JOIN model USING (id)")
    assert tuple(model) == ("mine", None)
    (entry,) = search.search(db.read(), "one", task="fill-mask", gated=True, imported=True).rows
    assert (entry.ref, entry.imported) == ("azureml:one@1", "mine:1")
    db.close()
    with sqlite3.connect(tmp_path / f"registry.db.before-{HEAD}") as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert copy.execute("SELECT count(*) FROM catalog_model").fetchone() == (1,)
    copy.close()
