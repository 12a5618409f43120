"""Alembic's way in: runs the migrations on one SQLite file, batch mode for ALTER TABLE."""

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import registry.tables  # noqa: F401  (fills the metadata that autogenerate compares with)

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://")
with engine.begin() as connection:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True
    )
    context.run_migrations()
engine.dispose()
