"""Since when nothing has stood against accepting an order."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("orders", sa.Column("acceptable_since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("orders", "acceptable_since")
