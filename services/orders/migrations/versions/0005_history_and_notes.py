"""The history keeps what others told for ever; staff write notes; a seller's orders of one status."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# What was heard so far is in the inbox; the figures of an event are what it has besides its snapshot.
_KEEP_TOLD = """
    insert into order_history (id, order_id, source, event_id, at, actor, action, before, after, detail)
    select inbox.event_id, orders.id, inbox.source, inbox.event_id, cast(envelope ->> 'time' as timestamptz),
           inbox.source, inbox.type, '{}', '{}',
           (envelope -> 'data') - cast('{shipments,documents,conversation}' as text[])
    from inbox join orders on subject = cast(orders.id as text)
    where state = 'done'
"""


def upgrade() -> None:
    op.add_column("order_history", sa.Column("source", sa.Text, nullable=False, server_default="orders"))
    op.alter_column("order_history", "source", server_default=None)
    op.add_column("order_history", sa.Column("event_id", sa.Uuid))
    op.create_unique_constraint("uq_order_history_event_id", "order_history", ["event_id"])
    op.alter_column("order_history", "version", nullable=True)
    op.drop_index("ix_order_history_order_id_id", "order_history")
    op.create_index("ix_order_history_order_id_at_id", "order_history", ["order_id", "at", "id"])
    op.execute(_KEEP_TOLD)
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("text", "created_by")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_notes_order_id"),
    )
    op.create_index("ix_notes_order_id_id", "notes", ["order_id", "id"])
    op.create_index("ix_orders_seller_status_newest", "orders", ["seller_code", "status", "placed_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_orders_seller_status_newest", "orders")
    op.drop_table("notes")
    op.execute("delete from order_history where event_id is not null")
    op.drop_index("ix_order_history_order_id_at_id", "order_history")
    op.create_index("ix_order_history_order_id_id", "order_history", ["order_id", "id"])
    op.alter_column("order_history", "version", nullable=False)
    op.drop_constraint("uq_order_history_event_id", "order_history")
    op.drop_column("order_history", "event_id")
    op.drop_column("order_history", "source")
