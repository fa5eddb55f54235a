"""Versions of markets, sellers, products and coupons: nobody overwrites what they have not seen."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

TABLES = ("markets", "sellers", "products", "coupons")


def upgrade() -> None:
    for table in TABLES:
        # A constant default rewrites no row; it stays while code of the release before inserts rows.
        op.add_column(table, sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "version")
