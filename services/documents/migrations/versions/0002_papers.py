"""Papers and the series that number them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_issued_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("market", "seller", "kind", "year", name="pk_series"),
        sa.CheckConstraint("last_number > 0", name="ck_series_counts_from_one"),
    )
    op.create_table(
        "papers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("refers_to", sa.Uuid()),
        sa.Column("series_year", sa.Integer()),
        sa.Column("sequence", sa.Integer()),
        sa.Column("number", sa.Text()),
        sa.Column("issued_on", sa.Date()),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("size_bytes", sa.Integer()),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_papers"),
        sa.ForeignKeyConstraint(["refers_to"], ["papers.id"], name="fk_papers_refers_to"),
        sa.UniqueConstraint("order_id", "kind", "part", name="uq_papers_order_id_kind_part"),
        sa.UniqueConstraint("market", "seller", "kind", "series_year", "sequence", name="uq_papers_series"),
        sa.UniqueConstraint("seller", "number", name="uq_papers_seller_number"),
        sa.CheckConstraint("(number is null) = (sequence is null)", name="ck_papers_number"),
        sa.CheckConstraint(
            "status not in ('stored', 'removed') or sha256 is not null", name="ck_papers_stored"
        ),
        sa.CheckConstraint("status <> 'withdrawn' or number is null", name="ck_papers_withdrawn"),
    )
    op.create_index("ix_papers_sha256", "papers", ["sha256"])


def downgrade() -> None:
    op.drop_table("papers")
    op.drop_table("series")
