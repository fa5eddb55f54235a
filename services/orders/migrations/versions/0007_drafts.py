"""Drafts, coupons, what verifies an order, and searching for customers and products."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # A trusted extension: the owner of the database may have it. It stays when the migration is taken back.
    op.execute("create extension if not exists pg_trgm")
    for table, columns in (("customers", ("name", "email")), ("products", ("name", "description"))):
        op.create_index(
            f"ix_{table}_search",
            table,
            columns,
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(columns, "gin_trgm_ops"),
        )
    op.add_column(
        "markets",
        sa.Column(
            "verifies",
            JSONB,
            nullable=False,
            server_default=sa.text("""'["name", "address", "phone", "email", "coupons"]'"""),
        ),
    )
    op.add_column(
        "markets",
        sa.Column("abandon_drafts_after_days", sa.BigInteger, nullable=False, server_default=sa.text("30")),
    )
    for name in ("coupons", "unverified"):
        op.add_column("orders", sa.Column(name, JSONB, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("orders", sa.Column("verified_by", sa.Text))
    op.add_column("orders", sa.Column("verified_at", sa.DateTime(timezone=True)))
    _create_coupons()
    _create_drafts()


def _create_coupons() -> None:
    op.create_table(
        "coupons",
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("seller_code", "market_code", "code", "name")
        ),
        sa.Column("percentage_basis_points", sa.BigInteger),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("valid_from", sa.DateTime(timezone=True)),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("seller_code", "market_code", "code", name="pk_coupons"),
        sa.ForeignKeyConstraint(["seller_code"], ["sellers.code"], name="fk_coupons_seller_code"),
        sa.ForeignKeyConstraint(["market_code"], ["markets.code"], name="fk_coupons_market_code"),
        sa.CheckConstraint(
            "num_nonnulls(percentage_basis_points, amount_minor) = 1",
            name="ck_coupons_percentage_or_amount",
        ),
    )


def _create_drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("seller_code", sa.Text, nullable=False),
        sa.Column("market_code", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("customer_name", sa.Text, nullable=False),
        sa.Column("customer_email", sa.Text, nullable=False),
        sa.Column("contents", JSONB, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("reorder_of", sa.Uuid),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
        sa.ForeignKeyConstraint(["seller_code"], ["sellers.code"], name="fk_drafts_seller_code"),
        sa.ForeignKeyConstraint(["market_code"], ["markets.code"], name="fk_drafts_market_code"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_drafts_customer_id"),
        sa.ForeignKeyConstraint(["reorder_of"], ["orders.id"], name="fk_drafts_reorder_of"),
        sa.CheckConstraint("status in ('draft', 'placed', 'abandoned')", name="ck_drafts_status_of_a_draft"),
    )
    op.create_index("ix_drafts_newest", "drafts", ["status", sa.text("id desc")])
    op.create_index("ix_drafts_seller_newest", "drafts", ["seller_code", "status", sa.text("id desc")])
    op.create_index("ix_drafts_customer_id", "drafts", ["customer_id"])


def downgrade() -> None:
    op.drop_table("drafts")
    op.drop_table("coupons")
    for name in ("verified_at", "verified_by", "unverified", "coupons"):
        op.drop_column("orders", name)
    for name in ("abandon_drafts_after_days", "verifies"):
        op.drop_column("markets", name)
    for table in ("products", "customers"):
        op.drop_index(f"ix_{table}_search", table)
