"""Sourcing, picking and packing: kinds, what is picked, lists, contents, unassigned lines, goods."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

HOLDING_STOCK = "status in ('inventory_assigned', 'packing', 'ready', 'released')"


def upgrade() -> None:
    _widen_locations_and_stock()
    _widen_shipments()
    _widen_parcels()
    op.create_table(
        "goods",
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("specifications", postgresql.JSONB(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False),
        sa.Column("available_on", sa.Date()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seller", "sku", name="pk_goods"),
        sa.CheckConstraint("weight_grams >= 0", name=op.f("ck_goods_weight")),
    )
    op.create_table(
        "unassigned_lines",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_id", name="pk_unassigned_lines"),
        sa.ForeignKeyConstraint(["order_id"], ["order_states.order_id"], name="fk_unassigned_lines_order_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_unassigned_lines_quantity")),
        sa.CheckConstraint("units > 0 and units % quantity = 0", name=op.f("ck_unassigned_lines_units")),
    )
    op.execute(sa.schema.CreateSequence(sa.Sequence("pick_list_serials")))
    op.create_table(
        "pick_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pick_lists"),
        sa.ForeignKeyConstraint(["location"], ["locations.code"], name="fk_pick_lists_location"),
    )
    op.create_index("ix_pick_lists_location_id", "pick_lists", ["location", "id"])
    op.create_table(
        "pick_list_lines",
        sa.Column("pick_list_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("bin", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.BigInteger()),
        sa.PrimaryKeyConstraint("pick_list_id", "shipment_id", "line_id", name="pk_pick_list_lines"),
        sa.ForeignKeyConstraint(["pick_list_id"], ["pick_lists.id"], name="fk_pick_list_lines_pick_list_id"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_pick_list_lines_shipment_id"),
        sa.CheckConstraint("units > 0", name=op.f("ck_pick_list_lines_units")),
        sa.CheckConstraint("found between 0 and units", name=op.f("ck_pick_list_lines_found")),
    )
    op.create_index("ix_pick_list_lines_shipment_id", "pick_list_lines", ["shipment_id"])


def _widen_locations_and_stock() -> None:
    _add(
        "locations",
        sa.Column("kind", sa.String(30), server_default="warehouse", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("markets", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("method_kinds", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("handling_days", sa.BigInteger(), server_default=sa.text("2"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_locations_kind"), "locations", "kind in ('distribution_centre', 'store', 'warehouse')"
    )
    _add(
        "stock_levels",
        sa.Column("picked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bin", sa.Text(), server_default="", nullable=False),
        sa.Column("told_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True)),
    )
    op.create_check_constraint(
        op.f("ck_stock_levels_picked_within_reserved"), "stock_levels", "picked between 0 and reserved"
    )
    op.create_index(
        "ix_stock_levels_untold", "stock_levels", ["sku"], postgresql_where=sa.text("told_version <> version")
    )
    op.add_column(
        "stock_movements",
        sa.Column("picked_change", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.drop_constraint(op.f("ck_stock_movements_kind"), "stock_movements")
    op.drop_constraint(op.f("ck_stock_movements_shipment"), "stock_movements")
    # What is out of its shelf already gets the movements that say so, where the ledger now ends.
    op.execute("""
        with picked as (
            select lines.sku, shipments.location, shipments.id as shipment_id, sum(lines.units) as units,
                   row_number() over (
                       partition by lines.sku, shipments.location order by shipments.id
                   ) as turn
            from shipments join shipment_lines as lines on lines.shipment_id = shipments.id
            where shipments.status in ('packing', 'ready')
            group by lines.sku, shipments.location, shipments.id
        )
        insert into stock_movements (sku, location, position, kind, on_hand_change, reserved_change,
                                     picked_change, reason, actor, shipment_id, at)
        select sku, location, version + turn, 'picked', 0, 0, units, '', 'shipping', shipment_id, now()
        from picked join stock_levels using (sku, location)
    """)
    op.execute("""
        update stock_levels set picked = moved.picked, version = moved.version
        from (
            select sku, location, count(*) as version, sum(picked_change) as picked
            from stock_movements group by sku, location having sum(picked_change) > 0
        ) as moved
        where moved.sku = stock_levels.sku and moved.location = stock_levels.location
    """)
    _constrain_movements(
        """case kind
        when 'received' then on_hand_change > 0 and reserved_change = 0 and picked_change = 0
        when 'reserved' then on_hand_change = 0 and reserved_change > 0 and picked_change = 0
        when 'released' then on_hand_change = 0 and reserved_change < 0 and picked_change = 0
        when 'picked' then on_hand_change = 0 and reserved_change = 0 and picked_change <> 0
        when 'shipped' then on_hand_change < 0 and reserved_change = on_hand_change
            and picked_change in (0, on_hand_change)
        when 'returned' then on_hand_change > 0 and reserved_change = 0 and picked_change = 0
        when 'scrapped' then on_hand_change < 0 and reserved_change = 0 and picked_change = 0
        when 'adjusted' then on_hand_change <> 0 and reserved_change = 0 and picked_change = 0
        else false end""",
        """case when kind in ('reserved', 'released', 'picked', 'shipped') then shipment_id is not null
        when kind in ('returned', 'scrapped') then true
        else shipment_id is null end""",
    )


def _constrain_movements(kind: str, shipment: str) -> None:
    op.create_check_constraint(op.f("ck_stock_movements_kind"), "stock_movements", kind)
    op.create_check_constraint(op.f("ck_stock_movements_shipment"), "stock_movements", shipment)


def _widen_shipments() -> None:
    op.add_column("order_states", sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False))
    _add(
        "shipments",
        sa.Column("kind", sa.String(30), server_default="delivery", nullable=False),
        sa.Column("pickup_point", sa.Text()),
        sa.Column("rejected_by", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("undeliverable_at", sa.DateTime(timezone=True)),
        sa.Column("returned_at", sa.DateTime(timezone=True)),
    )
    # As domain.methods has it: the kind that the method's code begins with, else delivery.
    op.execute("""
        update shipments set kind = coalesce(
            substring(method from '^(pickup|hand_over|download|service)(?:[-_]|$)'), 'delivery'
        )
    """)
    op.alter_column("shipments", "kind", server_default=None)
    op.create_check_constraint(
        op.f("ck_shipments_kind"),
        "shipments",
        "kind in ('delivery', 'download', 'hand_over', 'pickup', 'service')",
    )
    op.drop_constraint(op.f("ck_shipments_stock_has_a_location"), "shipments")
    op.create_check_constraint(
        op.f("ck_shipments_stock_has_a_location"),
        "shipments",
        f"location is not null or not ({HOLDING_STOCK}) or kind in ('download', 'service')",
    )
    op.create_index(
        "ix_shipments_location_id", "shipments", ["location", "id"], postgresql_where=sa.text(HOLDING_STOCK)
    )
    _add(
        "shipment_lines",
        sa.Column("picked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("checked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("seller", sa.Text()),
    )
    op.execute("""
        update shipment_lines set seller = shipments.seller, picked = case
            when shipments.status in ('packing', 'ready', 'shipped', 'delivered', 'undeliverable', 'returned')
            then units else 0 end
        from shipments where shipments.id = shipment_id
    """)
    op.alter_column("shipment_lines", "seller", nullable=False)
    op.drop_constraint(op.f("ck_shipment_lines_units"), "shipment_lines")
    for name, condition in (
        ("units", "units > 0 and units % quantity = 0"),
        ("picked", "picked between 0 and units"),
        ("checked", "checked between 0 and picked"),
    ):
        op.create_check_constraint(op.f(f"ck_shipment_lines_{name}"), "shipment_lines", condition)


def _widen_parcels() -> None:
    op.add_column("parcels", sa.Column("position", sa.BigInteger()))
    op.execute("""
        update parcels set position = numbered.position
        from (
            select id, row_number() over (partition by shipment_id order by id) as position from parcels
        ) as numbered
        where numbered.id = parcels.id
    """)
    op.alter_column("parcels", "position", nullable=False)
    op.alter_column("parcels", "weight_grams", server_default=sa.text("0"))
    for name in ("length_mm", "width_mm", "height_mm"):
        op.add_column(
            "parcels", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    op.create_check_constraint(op.f("ck_parcels_weight"), "parcels", "weight_grams >= 0")
    op.create_check_constraint(
        op.f("ck_parcels_size"), "parcels", "least(length_mm, width_mm, height_mm) >= 0"
    )
    op.drop_index("ix_parcels_shipment_id", "parcels")
    op.create_unique_constraint(
        "uq_parcels_shipment_id_position",
        "parcels",
        ["shipment_id", "position"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.create_table(
        "parcel_contents",
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("parcel_id", "line_id", name="pk_parcel_contents"),
        sa.ForeignKeyConstraint(
            ["parcel_id"], ["parcels.id"], name="fk_parcel_contents_parcel_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("units > 0", name=op.f("ck_parcel_contents_units")),
    )
    op.execute("""
        insert into parcel_contents (parcel_id, line_id, units)
        select parcels.id, line_id, units
        from parcels join shipment_lines using (shipment_id)
        where parcels.position = 1
    """)


def downgrade() -> None:
    for table in ("pick_list_lines", "pick_lists", "unassigned_lines", "goods", "parcel_contents"):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("pick_list_serials")))
    _narrow("parcels", "position", "length_mm", "width_mm", "height_mm")
    op.drop_constraint(op.f("ck_parcels_weight"), "parcels")
    op.alter_column("parcels", "weight_grams", server_default=None)
    op.create_index("ix_parcels_shipment_id", "parcels", ["shipment_id"])
    op.drop_constraint(op.f("ck_shipment_lines_units"), "shipment_lines")
    _narrow("shipment_lines", "picked", "checked", "seller")
    op.create_check_constraint(op.f("ck_shipment_lines_units"), "shipment_lines", "units > 0")
    op.drop_index("ix_shipments_location_id", "shipments")
    op.drop_constraint(op.f("ck_shipments_stock_has_a_location"), "shipments")
    _narrow("shipments", "kind", "pickup_point", "rejected_by", "undeliverable_at", "returned_at")
    op.create_check_constraint(
        op.f("ck_shipments_stock_has_a_location"),
        "shipments",
        f"location is not null or not ({HOLDING_STOCK})",
    )
    _narrow("order_states", "time_zone")
    op.drop_constraint(op.f("ck_stock_movements_kind"), "stock_movements")
    op.drop_constraint(op.f("ck_stock_movements_shipment"), "stock_movements")
    # Where a kind has no older name, what it did to what is on hand is told as a count.
    op.execute("update stock_movements set kind = 'adjusted' where kind in ('returned', 'scrapped')")
    op.execute("update stock_movements set shipment_id = null where kind = 'adjusted'")
    op.execute("delete from stock_movements where kind = 'picked'")
    op.execute("""
        update stock_movements set position = -numbered.position  -- below zero: the key holds row by row
        from (
            select sku, location, position as was,
                   row_number() over (partition by sku, location order by position) as position
            from stock_movements
        ) as numbered
        where numbered.sku = stock_movements.sku and numbered.location = stock_movements.location
          and numbered.was = stock_movements.position
    """)
    op.execute("update stock_movements set position = -position")
    op.execute("""
        update stock_levels set version = counted.version
        from (
            select sku, location, count(*) as version from stock_movements group by sku, location
        ) as counted
        where counted.sku = stock_levels.sku and counted.location = stock_levels.location
    """)
    _narrow("stock_movements", "picked_change")
    _narrow("stock_levels", "picked", "bin", "told_version", "told_at")
    _constrain_movements(
        """case kind
        when 'received' then on_hand_change > 0 and reserved_change = 0
        when 'reserved' then on_hand_change = 0 and reserved_change > 0
        when 'released' then on_hand_change = 0 and reserved_change < 0
        when 'shipped' then on_hand_change < 0 and reserved_change = on_hand_change
        when 'adjusted' then on_hand_change <> 0 and reserved_change = 0
        else false end""",
        "(kind in ('reserved', 'released', 'shipped')) = (shipment_id is not null)",
    )
    _narrow("locations", "kind", "active", "markets", "method_kinds", "handling_days")


def _add(table: str, *columns: sa.Column[Any]) -> None:
    for column in columns:
        op.add_column(table, column)


def _narrow(table: str, *columns: str) -> None:
    for column in columns:
        op.drop_column(table, column)
