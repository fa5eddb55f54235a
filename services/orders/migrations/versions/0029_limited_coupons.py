"""Coupons have limits and may make shipping free; which order has used one is kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0029"
down_revision = "0028"

_GRANTS = "num_nonnulls(percentage_basis_points, amount_minor)"


def upgrade() -> None:
    op.add_column(
        "coupons", sa.Column("free_shipping", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.alter_column("coupons", "free_shipping", server_default=None)
    for name in ("minimum_minor", "most_uses", "most_uses_per_customer"):
        op.add_column("coupons", sa.Column(name, sa.BigInteger))
    op.drop_constraint("ck_coupons_percentage_or_amount", "coupons")
    op.create_check_constraint(
        "ck_coupons_grants_something",
        "coupons",
        f"{_GRANTS} = 1 or ({_GRANTS} = 0 and free_shipping)",
    )
    # Constant defaults rewrite no row.
    op.add_column(
        "delivery_groups", sa.Column("waived_minor", sa.BigInteger, nullable=False, server_default="0")
    )
    op.alter_column("delivery_groups", "waived_minor", server_default=None)
    op.add_column("orders", sa.Column("free_shipping", sa.Text))
    op.add_column("orders", sa.Column("coupons_refused", JSONB, nullable=False, server_default="{}"))
    op.alter_column("orders", "coupons_refused", server_default=None)
    op.create_table(
        "coupon_uses",
        sa.Column("seller_code", sa.Text, nullable=False),
        sa.Column("market_code", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seller_code", "market_code", "code", "order_id", name="pk_coupon_uses"),
        sa.ForeignKeyConstraint(
            ["seller_code", "market_code", "code"],
            ["coupons.seller_code", "coupons.market_code", "coupons.code"],
            name="fk_coupon_uses_seller_code",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_coupon_uses_order_id"),
    )
    op.create_index("ix_coupon_uses_order_id", "coupon_uses", ["order_id"])
    for who in ("customer_id", "email"):
        op.create_index(
            f"ix_coupon_uses_{who}", "coupon_uses", ["seller_code", "market_code", "code", who, "order_id"]
        )


def downgrade() -> None:
    op.drop_table("coupon_uses")
    op.drop_column("orders", "coupons_refused")
    op.drop_column("orders", "free_shipping")
    op.drop_column("delivery_groups", "waived_minor")
    op.drop_constraint("ck_coupons_grants_something", "coupons")
    # What grants free shipping alone can't be told in the terms of before.
    op.execute("delete from coupons where num_nonnulls(percentage_basis_points, amount_minor) = 0")
    op.create_check_constraint("ck_coupons_percentage_or_amount", "coupons", f"{_GRANTS} = 1")
    for name in ("most_uses_per_customer", "most_uses", "minimum_minor", "free_shipping"):
        op.drop_column("coupons", name)
