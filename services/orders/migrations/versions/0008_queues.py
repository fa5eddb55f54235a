"""Orders are listed by seller's queue and by due time, in order."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_DUE = sa.text("coalesce(payment_due_at, acceptance_due_at)")

# By the queue, and by seller and queue together.
_WORDS = """
    insert into order_words (kind, word, placed_at, order_id)
    select 'queue', word, placed_at, id
    from orders, jsonb_array_elements_text(queues) as queue,
         lateral (values (lower(queue)), (seller_code || ' ' || lower(queue))) as words (word)
"""


def upgrade() -> None:
    op.execute(_WORDS)
    op.drop_index("ix_orders_queues", "orders")
    op.create_index(
        "ix_orders_due",
        "orders",
        [_DUE, "id"],
        postgresql_where=sa.text("coalesce(payment_due_at, acceptance_due_at) is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_orders_due", "orders")
    op.create_index("ix_orders_queues", "orders", ["queues"], postgresql_using="gin")
    op.execute("delete from order_words where kind = 'queue'")
