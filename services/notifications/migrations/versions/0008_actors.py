"""Events tell who asked for what happened."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("event_log", sa.Column("actor", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("event_log", "actor")
