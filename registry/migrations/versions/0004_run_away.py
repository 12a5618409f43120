"""runs know for how long they did not run between their attempts"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("run", sa.Column("away", sa.Float(), nullable=False, server_default="0"))
