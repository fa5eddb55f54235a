"""Papers of more kinds, each with a key and a cause; series by month; sellers' logos."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.alter_column(
        "series", "year", new_column_name="period", type_=sa.Text(), postgresql_using="year::text"
    )
    op.alter_column(
        "papers",
        "series_year",
        new_column_name="series_period",
        type_=sa.Text(),
        postgresql_using="series_year::text",
    )
    for name in ("key", "cause", "filename"):
        op.add_column("papers", sa.Column(name, sa.Text(), nullable=False, server_default=""))
        op.alter_column("papers", name, server_default=None)
    op.add_column("papers", sa.Column("einvoice", JSONB()))
    op.execute("update papers set key = kind || ':' || order_id || ':' || part")
    op.drop_constraint("uq_papers_order_id_kind_part", "papers")
    op.create_unique_constraint("uq_papers_key", "papers", ["key"])
    op.create_index("ix_papers_order_id", "papers", ["order_id", "id"])
    op.create_table(
        "logos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_logos"),
    )
    op.create_index("ix_logos_seller", "logos", ["seller", "id"])


def downgrade() -> None:
    op.drop_table("logos")
    op.drop_index("ix_papers_order_id", "papers")
    op.drop_constraint("uq_papers_key", "papers")
    op.create_unique_constraint("uq_papers_order_id_kind_part", "papers", ["order_id", "kind", "part"])
    for name in ("key", "cause", "filename", "einvoice"):
        op.drop_column("papers", name)
    op.alter_column(
        "papers",
        "series_period",
        new_column_name="series_year",
        type_=sa.Integer(),
        postgresql_using="left(series_period, 4)::integer",
    )
    op.alter_column(
        "series",
        "period",
        new_column_name="year",
        type_=sa.Integer(),
        postgresql_using="left(period, 4)::integer",
    )
