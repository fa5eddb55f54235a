"""Versions of customers: nobody overwrites what they have not seen."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    # A constant default rewrites no row; it stays while code of the release before inserts rows.
    op.add_column("customers", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("customers", "version")
