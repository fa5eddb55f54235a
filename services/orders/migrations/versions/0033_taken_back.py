"""What went back at the gateway by itself: its own refunds, chargebacks, and what waits to be decided."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    # Constant defaults rewrite no row.
    op.add_column("refunds", sa.Column("kind", sa.String(32), nullable=False, server_default="refund"))
    op.alter_column("refunds", "kind", server_default=None)
    op.add_column("refunds", sa.Column("said_at", sa.DateTime(timezone=True)))
    op.add_column("orders", sa.Column("to_decide", sa.BigInteger, nullable=False, server_default="0"))
    op.alter_column("orders", "to_decide", server_default=None)
    op.execute("""
        update orders set to_decide = waiting.count
        from (
            select order_id, count(*) from payment_discrepancies where state = 'open' group by order_id
        ) as waiting
        where orders.id = waiting.order_id
    """)
    op.add_column(
        "payment_discrepancies", sa.Column("kind", sa.String(32), nullable=False, server_default="payment")
    )
    op.add_column(
        "payment_discrepancies", sa.Column("payment_reference", sa.Text, nullable=False, server_default="")
    )
    for name in ("kind", "payment_reference"):
        op.alter_column("payment_discrepancies", name, server_default=None)
    op.add_column("payment_discrepancies", sa.Column("step", sa.String(32)))
    op.add_column("payment_discrepancies", sa.Column("said_at", sa.DateTime(timezone=True)))
    op.add_column("payment_discrepancies", sa.Column("refund_id", sa.Uuid))
    op.create_foreign_key(
        "fk_payment_discrepancies_refund_id", "payment_discrepancies", "refunds", ["refund_id"], ["id"]
    )
    op.drop_constraint("uq_payment_discrepancies_told", "payment_discrepancies")
    op.create_unique_constraint(
        "uq_payment_discrepancies_told",
        "payment_discrepancies",
        ["order_id", "kind", "reference", "amount_minor", "currency"],
    )


def downgrade() -> None:
    op.execute("delete from payment_discrepancies where kind <> 'payment'")
    op.drop_constraint("uq_payment_discrepancies_told", "payment_discrepancies")
    op.create_unique_constraint(
        "uq_payment_discrepancies_told",
        "payment_discrepancies",
        ["order_id", "reference", "amount_minor", "currency"],
    )
    for name in ("refund_id", "said_at", "step", "payment_reference", "kind"):
        op.drop_column("payment_discrepancies", name)
    op.drop_column("orders", "to_decide")
    op.drop_column("refunds", "said_at")
    op.drop_column("refunds", "kind")
