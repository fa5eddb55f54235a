"""The links that an order's customer was sent can be revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    # A constant default rewrites no row.
    op.add_column("orders", sa.Column("link_serial", sa.BigInteger, nullable=False, server_default="0"))
    op.alter_column("orders", "link_serial", server_default=None)


def downgrade() -> None:
    op.drop_column("orders", "link_serial")
