"""Papers and prints tell which characters of theirs no typeface has."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for table in ("papers", "prints"):
        op.add_column(table, sa.Column("unprintable", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    for table in ("papers", "prints"):
        op.drop_column(table, "unprintable")
