"""the catalogue has a file of its own; models have tags and notes"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("DROP TABLE catalog_search")
    op.drop_table("catalog_model")
    op.add_column("model_version", sa.Column("note", sa.String(), nullable=True))
    op.create_table(
        "model_tag",
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_version_id", "tag"),
    )
    op.create_index("ix_model_tag_tag", "model_tag", ["tag"], unique=False)
