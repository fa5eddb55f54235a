"""The seller's panel, and what waits for sellers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Uuid()),
        sa.Column("at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("key", name="uq_notices_key"),
    )
    op.create_index("ix_notices_seller", "notices", ["seller", "id"])
    op.create_table(
        "notice_reads",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "notice_id", name="pk_notice_reads"),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name="fk_notice_reads_notice_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_notice_reads_notice_id", "notice_reads", ["notice_id"])
    op.create_table(
        "notice_readers",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("read_to", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name="pk_notice_readers"),
    )
    op.create_table(
        "open_matters",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "matter", name="pk_open_matters"),
    )
    op.create_index("ix_open_matters_due", "open_matters", ["seller", "market", "due_at", "order_id"])


def downgrade() -> None:
    for table in ("open_matters", "notice_readers", "notice_reads", "notices"):
        op.drop_table(table)
