"""Migrations by Alembic, and the dump that a new registry is made from.

`python -m registry.migrations` writes `registry/schema.sql` anew from the migrations.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from registry.errors import BadInputError

_FOLDER = Path(__file__).parent
SCHEMA = _FOLDER.parent / "schema.sql"


def _config(path: Path):  # type: ignore[no-untyped-def]
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}".replace("%", "%%"))
    return config


def head() -> str:
    """The newest revision that the migrations know."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(_config(Path("unused"))).get_current_head())


def upgrade(path: Path, revision: str = "") -> None:
    """Bring the registry at `path` from `revision` to the newest one."""
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        command.upgrade(_config(path), "head")
    except CommandError as error:
        raise BadInputError(
            f"{path} was written by another fmtui (revision {revision})",
            hint="Update fmtui, or set FMTUI_HOME to another folder.",
        ) from error


def dump() -> str:
    """The schema that the migrations build, as SQL, its revision included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.db"
        upgrade(path)
        connection = sqlite3.connect(path)
        rows = connection.execute(
            "SELECT sql, name FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        ).fetchall()
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.close()
    statements = [sql.strip() + ";" for sql, _ in rows]
    statements.append(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}');")
    return (
        "-- Made by `python -m registry.migrations`; do not edit.\n" + "\n".join(statements) + "\n"
    )
