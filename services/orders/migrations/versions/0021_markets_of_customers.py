"""Customers are of the markets in which they bought."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("customers", sa.Column("markets", JSONB, nullable=False, server_default="[]"))
    op.execute("""
        update customers set markets = bought.markets
        from (
            select customer_id, jsonb_agg(distinct market_code) as markets from orders group by customer_id
        ) as bought
        where customers.id = bought.customer_id
    """)
    op.alter_column("customers", "markets", server_default=None)
    op.create_index("ix_customers_markets", "customers", ["markets"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_customers_markets")
    op.drop_column("customers", "markets")
