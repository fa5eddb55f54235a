"""Single lines of an order can be cancelled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("cancellations", sa.Column("lines", JSONB, nullable=False, server_default="[]"))
    op.alter_column("cancellations", "lines", server_default=None)


def downgrade() -> None:
    op.drop_column("cancellations", "lines")
