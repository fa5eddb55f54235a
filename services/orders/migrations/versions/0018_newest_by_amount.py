"""The index of the newest orders holds their amounts."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.drop_index("ix_orders_newest", "orders")
    op.execute("create index ix_orders_newest on orders (placed_at desc, id desc, total_minor)")


def downgrade() -> None:
    op.drop_index("ix_orders_newest", "orders")
    op.execute("create index ix_orders_newest on orders (placed_at desc, id desc)")
