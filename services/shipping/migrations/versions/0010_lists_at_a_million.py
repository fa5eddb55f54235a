"""What queues of a location, pick lists of a seller and the search for who waits for a SKU go by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    op.add_column("shipments", sa.Column("waits_for", TEXTS))
    op.execute("""
        update shipments
        set waits_for = array(select distinct sku from shipment_lines where shipment_id = id order by sku)
        where status = 'awaiting_inventory'
    """)
    op.create_index(
        "ix_shipments_waits_for",
        "shipments",
        ["waits_for"],
        postgresql_using="gin",
        postgresql_where=sa.text("waits_for is not null"),
    )
    op.create_index(
        "ix_shipments_location_queue",
        "shipments",
        ["location", "queue", "queue_at", "id"],
        postgresql_where=sa.text("location is not null and queue is not null"),
    )
    for column, of in (("sellers", "seller"), ("markets", "market")):
        op.add_column("pick_lists", sa.Column(column, TEXTS, server_default="{}", nullable=False))
        op.execute(f"""
            update pick_lists
            set {column} = array(
                select distinct {of}
                from pick_list_lines join shipments on shipments.id = shipment_id
                where pick_list_id = pick_lists.id
                order by {of}
            )
        """)  # noqa: S608 - of constants
        op.alter_column("pick_lists", column, server_default=None)


def downgrade() -> None:
    op.drop_column("pick_lists", "markets")
    op.drop_column("pick_lists", "sellers")
    op.drop_index("ix_shipments_location_queue", "shipments")
    op.drop_index("ix_shipments_waits_for", "shipments")
    op.drop_column("shipments", "waits_for")
