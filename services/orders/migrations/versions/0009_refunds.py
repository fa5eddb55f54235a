"""Voided payments, and refunds that say what of the bill they take off."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("payments", sa.Column("voided_by", sa.Text))
    op.add_column("payments", sa.Column("voided_at", sa.DateTime(timezone=True)))
    op.add_column("payments", sa.Column("void_reason", sa.Text, nullable=False, server_default=""))

    op.alter_column("refunds", "state", type_=sa.String(32))
    op.add_column("refunds", sa.Column("credited_minor", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("refunds", sa.Column("parts", JSONB, nullable=False, server_default="[]"))
    op.add_column("refunds", sa.Column("restock", sa.Boolean))
    op.add_column("refunds", sa.Column("method", sa.String(32), nullable=False, server_default="transfer"))
    op.add_column("refunds", sa.Column("payment_id", sa.Uuid))
    op.add_column("refunds", sa.Column("failure", sa.Text, nullable=False, server_default=""))
    op.create_foreign_key("fk_refunds_payment_id", "refunds", "payments", ["payment_id"], ["id"])
    op.drop_constraint("ck_refunds_amount_positive", "refunds")
    op.create_check_constraint(
        "ck_refunds_gives_something",
        "refunds",
        "amount_minor >= 0 and credited_minor >= 0 and amount_minor + credited_minor > 0",
    )

    op.add_column("orders", sa.Column("credited_minor", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column(
        "orders", sa.Column("refund_pending_minor", sa.BigInteger, nullable=False, server_default="0")
    )
    op.execute(
        "update orders set refund_pending_minor = pending.minor from ("
        "select order_id, sum(amount_minor) as minor from refunds where settled_at is null group by order_id"
        ") as pending where orders.id = pending.order_id"
    )
    op.drop_constraint("ck_orders_cancelled_within_total", "orders")
    op.drop_constraint("ck_orders_refunded_within_received", "orders")
    op.create_check_constraint(
        "ck_orders_taken_off_within_total",
        "orders",
        "least(cancelled_minor, credited_minor) >= 0 and cancelled_minor + credited_minor <= total_minor",
    )
    op.create_check_constraint(
        "ck_orders_refunds_within_received",
        "orders",
        "least(refunded_minor, refund_pending_minor) >= 0"
        " and refunded_minor + refund_pending_minor <= received_minor",
    )
    for table, column in (
        ("payments", "void_reason"),
        ("refunds", "credited_minor"),
        ("refunds", "parts"),
        ("refunds", "method"),
        ("refunds", "failure"),
        ("orders", "credited_minor"),
        ("orders", "refund_pending_minor"),
    ):
        op.alter_column(table, column, server_default=None)


def downgrade() -> None:
    op.drop_constraint("ck_orders_refunds_within_received", "orders")
    op.drop_constraint("ck_orders_taken_off_within_total", "orders")
    op.create_check_constraint(
        "ck_orders_refunded_within_received", "orders", "refunded_minor between 0 and received_minor"
    )
    op.create_check_constraint(
        "ck_orders_cancelled_within_total", "orders", "cancelled_minor between 0 and total_minor"
    )
    op.drop_column("orders", "refund_pending_minor")
    op.drop_column("orders", "credited_minor")
    op.drop_constraint("ck_refunds_gives_something", "refunds")
    op.execute("delete from refunds where amount_minor = 0")
    op.create_check_constraint("ck_refunds_amount_positive", "refunds", "amount_minor > 0")
    for column in ("failure", "payment_id", "method", "restock", "parts", "credited_minor"):
        op.drop_column("refunds", column)
    op.alter_column("refunds", "state", type_=sa.Text)
    for column in ("void_reason", "voided_at", "voided_by"):
        op.drop_column("payments", column)
