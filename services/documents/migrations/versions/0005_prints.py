"""Prints: several papers as one file."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "prints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("argument", JSONB(), nullable=False),
        sa.Column("order_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("size_bytes", sa.Integer()),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prints"),
    )
    op.create_index("ix_prints_order_ids", "prints", ["order_ids"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_table("prints")
