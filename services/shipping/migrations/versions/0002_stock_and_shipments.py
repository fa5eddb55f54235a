"""Locations and their stock, orders as shipping knows them, shipments and parcels."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("parcel_serials")))
    op.create_table(
        "locations",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_locations"),
    )
    op.create_table(
        "stock_levels",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "location", name="pk_stock_levels"),
        sa.ForeignKeyConstraint(["location"], ["locations.code"], name="fk_stock_levels_location"),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_stock_levels_reserved_not_negative")),
        sa.CheckConstraint("reserved <= on_hand", name=op.f("ck_stock_levels_reserved_within_on_hand")),
    )
    op.create_index("ix_stock_levels_location_sku", "stock_levels", ["location", "sku"])
    op.create_table(
        "order_states",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("order_version", sa.BigInteger(), nullable=False),
        sa.Column("order_status", sa.Text(), nullable=False),
        sa.Column("covered", sa.Boolean(), nullable=False),
        sa.Column("cash_on_delivery", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True)),
        sa.Column("cancel_done", sa.Boolean()),
        sa.Column("cancel_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_order_states"),
        sa.CheckConstraint(
            "(cancel_requested_at is null) = (cancel_done is null)", name=op.f("ck_order_states_cancellation")
        ),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("address", postgresql.JSONB()),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("location", sa.Text()),
        sa.Column("prints", sa.BigInteger(), nullable=False),
        sa.Column("cancel_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("packing_at", sa.DateTime(timezone=True)),
        sa.Column("ready_at", sa.DateTime(timezone=True)),
        sa.Column("shipped_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_shipments"),
        sa.ForeignKeyConstraint(["order_id"], ["order_states.order_id"], name="fk_shipments_order_id"),
        sa.ForeignKeyConstraint(["location"], ["locations.code"], name="fk_shipments_location"),
        sa.UniqueConstraint("order_id", "position", name="uq_shipments_order_id_position"),
        sa.CheckConstraint(
            """status in ('awaiting_inventory', 'inventory_assigned', 'released', 'packing', 'ready',
            'shipped', 'delivered', 'undeliverable', 'returned', 'cancelled')""",
            name=op.f("ck_shipments_status"),
        ),
        sa.CheckConstraint(
            """location is not null
            or status not in ('inventory_assigned', 'released', 'packing', 'ready')""",
            name=op.f("ck_shipments_stock_has_a_location"),
        ),
    )
    op.create_index("ix_shipments_status_id", "shipments", ["status", "id"])
    op.create_index("ix_shipments_seller_id", "shipments", ["seller", "id"])
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shipment_id", "line_id", name="pk_shipment_lines"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_shipment_lines_shipment_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipment_lines_quantity")),
        sa.CheckConstraint("units > 0", name=op.f("ck_shipment_lines_units")),
    )
    op.create_index("ix_shipment_lines_sku", "shipment_lines", ["sku"])
    op.create_table(
        "parcels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("tracking_url", sa.Text(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False),
        sa.Column("label_document_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_parcels"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_parcels_shipment_id"),
    )
    op.create_index("ix_parcels_shipment_id", "parcels", ["shipment_id"])
    op.create_index("ix_parcels_tracking_number", "parcels", ["tracking_number"])
    op.create_table(
        "stock_movements",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("on_hand_change", sa.BigInteger(), nullable=False),
        sa.Column("reserved_change", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Uuid()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sku", "location", "position", name="pk_stock_movements"),
        sa.ForeignKeyConstraint(
            ["sku", "location"],
            ["stock_levels.sku", "stock_levels.location"],
            name="fk_stock_movements_sku_location",
        ),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_stock_movements_shipment_id"),
        sa.CheckConstraint(
            """case kind
            when 'received' then on_hand_change > 0 and reserved_change = 0
            when 'reserved' then on_hand_change = 0 and reserved_change > 0
            when 'released' then on_hand_change = 0 and reserved_change < 0
            when 'shipped' then on_hand_change < 0 and reserved_change = on_hand_change
            when 'adjusted' then on_hand_change <> 0 and reserved_change = 0
            else false end""",
            name=op.f("ck_stock_movements_kind"),
        ),
        sa.CheckConstraint(
            "(kind in ('reserved', 'released', 'shipped')) = (shipment_id is not null)",
            name=op.f("ck_stock_movements_shipment"),
        ),
    )
    op.create_index("ix_stock_movements_shipment_id", "stock_movements", ["shipment_id"])


def downgrade() -> None:
    for table in (
        "stock_movements",
        "parcels",
        "shipment_lines",
        "shipments",
        "order_states",
        "stock_levels",
        "locations",
    ):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("parcel_serials")))
