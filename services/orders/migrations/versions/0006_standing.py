"""Where an order stands, in the words of others and in time; the market's deadlines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

_VIEWS = ("lifecycle", "csr_status", "timeline")
_INSTANTS = ("payment_due_at", "acceptance_due_at", "held_since", "refused_at", "failed_at")

# What can be told of the orders there are; the first word of shipping about one restates them all.
_RESTATE = """
    update orders set
        end_reason = coalesce((
            select reason from cancellations
            where order_id = orders.id and done order by requested_at desc limit 1
        ), ''),
        csr_status = case
            when status = 'completed' then 'Completed'
            when status = 'cancelled' then 'Canceled'
            when exists (select from holds where order_id = orders.id and released_at is null) then 'OnHold'
            else 'In Progress'
        end,
        lifecycle = case
            when status = 'cancelled' then 'Canceled'
            when fulfilment = 'returned' then 'Returned'
            when status = 'completed' then 'Closed'
            when fulfilment in ('delivered', 'partly_delivered') then 'Partially Closed'
            when fulfilment in ('shipped', 'partly_shipped') then 'Partially Shipped'
            when fulfilment = 'ready' then 'Ready to ship'
            else 'Open'
        end,
        timeline = case
            when status not in ('accepted', 'cancelling', 'completed') then null
            when fulfilment = 'delivered' then 'finished'
            when fulfilment in ('partly_delivered', 'shipped', 'partly_shipped') then 'sent'
            when fulfilment in ('ready', 'preparing') then 'preparing'
            else 'accepted'
        end
"""


def upgrade() -> None:
    op.add_column("orders", sa.Column("goods", JSONB))
    op.add_column("orders", sa.Column("queues", JSONB, nullable=False, server_default="[]"))
    op.add_column("orders", sa.Column("end_reason", sa.Text, nullable=False, server_default=""))
    op.add_column("orders", sa.Column("lifecycle", sa.String(32), nullable=False, server_default="Open"))
    for name in _VIEWS[1:]:
        op.add_column("orders", sa.Column(name, sa.String(32)))
    for name in _INSTANTS:
        op.add_column("orders", sa.Column(name, sa.DateTime(timezone=True)))
    op.execute(_RESTATE)
    for name in ("queues", "end_reason", "lifecycle"):
        op.alter_column("orders", name, server_default=None)
    for name in _VIEWS:
        op.create_index(f"ix_orders_{name}_newest", "orders", [name, "placed_at", "id"])
    op.create_index("ix_orders_queues", "orders", ["queues"], postgresql_using="gin")
    for name in ("pay_within_seconds", "accept_within_seconds"):
        op.add_column("markets", sa.Column(name, sa.BigInteger))


def downgrade() -> None:
    for name in ("pay_within_seconds", "accept_within_seconds"):
        op.drop_column("markets", name)
    for name in ("queues", *(f"{view}_newest" for view in _VIEWS)):
        op.drop_index(f"ix_orders_{name}", "orders")
    for name in ("goods", "queues", "end_reason", *_VIEWS, *_INSTANTS):
        op.drop_column("orders", name)
