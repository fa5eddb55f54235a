"""Whatever lists are filtered and sorted by has its index; exact words have a table of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

_FILTERS = ("status", "fulfilment", "market_code", "channel", "payment_state", "payment_method")

# The words of the orders there are, in the form that domain.search_words gives them.
_WORDS = """
    insert into order_words (kind, word, placed_at, order_id)
    select kind, word, placed_at, order_id from (
        select 'reference' as kind, lower(btrim(external_reference)) as word, placed_at, id as order_id
        from orders
        union select 'email', lower(btrim(customer_email)), placed_at, id from orders
        union select 'phone', right(regexp_replace(customer_phone, '[^0-9]', '', 'g'), 9), placed_at, id
        from orders
        union select 'phone', right(regexp_replace(address ->> 'phone', '[^0-9]', '', 'g'), 9), placed_at,
                     orders.id
        from delivery_groups join orders on orders.id = order_id
        union select 'sku', lower(sku), placed_at, orders.id
        from order_lines join orders on orders.id = order_id
        union select 'tracking_number', lower(btrim(parcel ->> 'tracking_number')), placed_at, orders.id
        from orders join copies on subject = cast(orders.id as text) and source = 'shipping',
             jsonb_path_query(snapshot, '$.shipments[*].parcels[*]') as parcel
        union select 'invoice_number', lower(btrim(paper ->> 'number')), placed_at, orders.id
        from orders join copies on subject = cast(orders.id as text) and source = 'documents',
             jsonb_path_query(snapshot, '$.papers[*]') as paper
    ) as found
    where word <> ''
"""


def upgrade() -> None:
    # Trusted: a database's owner may add it.
    op.execute("create extension if not exists pg_trgm")
    op.add_column("orders", sa.Column("tags", JSONB, nullable=False, server_default="[]"))
    op.alter_column("orders", "tags", server_default=None)
    op.create_table(
        "order_words",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("word", sa.Text, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("kind", "word", "placed_at", "order_id", name="pk_order_words"),
    )
    op.execute(_WORDS)
    for column in _FILTERS:
        op.create_index(f"ix_orders_{column}_newest", "orders", [column, "placed_at", "id"])
    op.create_index("ix_orders_total_minor_id", "orders", ["total_minor", "id"])
    op.create_index(
        "ix_orders_customer_name",
        "orders",
        ["customer_name"],
        postgresql_using="gin",
        postgresql_ops={"customer_name": "gin_trgm_ops"},
    )
    # How rare a part of a name is decides how it is best looked for.
    op.execute("alter table orders alter column customer_name set statistics 1000")


def downgrade() -> None:
    op.execute("alter table orders alter column customer_name set statistics -1")
    op.drop_index("ix_orders_customer_name", "orders")
    op.drop_index("ix_orders_total_minor_id", "orders")
    for column in _FILTERS:
        op.drop_index(f"ix_orders_{column}_newest", "orders")
    op.drop_table("order_words")
    op.drop_column("orders", "tags")
