"""Payments of a seller are listed by an index, the newest first."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    for name in ("seller_code", "market_code"):
        op.add_column("payments", sa.Column(name, sa.Text))
    op.execute("""
        update payments set seller_code = orders.seller_code, market_code = orders.market_code
        from orders
        where orders.id = payments.order_id
    """)
    for name in ("seller_code", "market_code"):
        op.alter_column("payments", name, nullable=False)
    op.create_index("ix_payments_seller_code_id", "payments", ["seller_code", "id"])


def downgrade() -> None:
    op.drop_index("ix_payments_seller_code_id", "payments")
    for name in ("market_code", "seller_code"):
        op.drop_column("payments", name)
