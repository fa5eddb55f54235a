"""What customers and sellers say to each other on an order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_WAITS = sa.text("reply_due_at is not null")


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "conversations",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("customer_wrote_at", instant),
        sa.Column("seller_wrote_at", instant),
        sa.Column("unanswered_since", instant),
        sa.Column("reply_due_at", instant),
        sa.PrimaryKeyConstraint("order_id", name="pk_conversations"),
        sa.CheckConstraint(
            "(unanswered_since is null) = (reply_due_at is null)", name=op.f("ck_conversations_unanswered")
        ),
    )
    due = ["reply_due_at", "order_id"]
    op.create_index("ix_conversations_due", "conversations", due, postgresql_where=_WAITS)
    op.create_index("ix_conversations_seller_due", "conversations", ["seller", *due], postgresql_where=_WAITS)
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), nullable=False),
        sa.Column("posted_at", instant, nullable=False),
        sa.Column("read_at", instant),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(["order_id"], ["conversations.order_id"], name="fk_messages_order_id"),
        sa.UniqueConstraint("order_id", "key", name="uq_messages_order_id_key"),
        sa.CheckConstraint("author in ('customer', 'seller')", name=op.f("ck_messages_author")),
        sa.CheckConstraint("not internal or author = 'seller'", name=op.f("ck_messages_internal")),
    )
    op.create_index("ix_messages_order_id", "messages", ["order_id", "id"])


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("conversations")
