"""Returns and exchanges."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_RULES = (
    ("return_days", sa.BigInteger, "14"),
    ("return_expiry_days", sa.BigInteger, "30"),
    ("exchange_after_return", sa.Boolean, "true"),
)


def upgrade() -> None:
    for name, kind, default in _RULES:
        op.add_column("markets", sa.Column(name, kind, nullable=False, server_default=default))
        op.alter_column("markets", name, server_default=None)
    op.add_column("orders", sa.Column("exchange_of", sa.Uuid))
    op.create_foreign_key("fk_orders_exchange_of", "orders", "orders", ["exchange_of"], ["id"])

    op.create_table(
        "returns",
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("id", "order_id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("seller_code", "market_code", "number")),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("status", "reason")),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("by_customer", sa.Boolean, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("received_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("close_reason", sa.String(32)),
        sa.Column("exchange_order_id", sa.Uuid),
        sa.PrimaryKeyConstraint("id", name="pk_returns"),
        sa.UniqueConstraint("number", name="uq_returns_number"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_returns_order_id"),
        sa.ForeignKeyConstraint(["exchange_order_id"], ["orders.id"], name="fk_returns_exchange_order_id"),
    )
    op.create_index("ix_returns_order_id", "returns", ["order_id"])
    op.create_index("ix_returns_status_id", "returns", ["status", "id"])
    op.create_index("ix_returns_seller_code_status_id", "returns", ["seller_code", "status", "id"])
    op.create_table(
        "return_lines",
        sa.Column("return_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("line_id", sa.Uuid, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        *(
            sa.Column(f"{what}_quantity", sa.BigInteger, nullable=False)
            for what in ("requested", "received", "restocked", "scrapped")
        ),
        sa.PrimaryKeyConstraint("return_id", "position", name="pk_return_lines"),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name="fk_return_lines_return_id"),
        sa.ForeignKeyConstraint(["line_id"], ["order_lines.id"], name="fk_return_lines_line_id"),
        sa.CheckConstraint("requested_quantity > 0", name="ck_return_lines_something_requested"),
        sa.CheckConstraint(
            "least(received_quantity, restocked_quantity, scrapped_quantity) >= 0",
            name="ck_return_lines_not_negative",
        ),
    )
    op.create_index("ix_return_lines_line_id", "return_lines", ["line_id"])
    op.add_column("refunds", sa.Column("return_id", sa.Uuid))
    op.create_foreign_key("fk_refunds_return_id", "refunds", "returns", ["return_id"], ["id"])


def downgrade() -> None:
    op.drop_column("refunds", "return_id")
    op.drop_table("return_lines")
    op.drop_table("returns")
    op.drop_column("orders", "exchange_of")
    for name, _, _ in _RULES:
        op.drop_column("markets", name)
