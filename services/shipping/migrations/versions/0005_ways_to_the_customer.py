"""Carriers, couriers, tracking, pickups, proofs, appointments, expected returns, queues."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)
TRACKING = (
    "status in ('announced', 'attempted', 'collected', 'delivered', 'in_transit', 'out_for_delivery',"
    " 'returned', 'returning', 'undeliverable')"
)


def upgrade() -> None:
    _carriers()
    _widen()
    _hand_overs()
    _returns()
    # What stands already joins its queue by the standard times.
    op.execute("""
        update shipments
        set queue = case when status in ('shipped', 'undeliverable') then 'in_transit'
                         when status = 'ready' then 'ready_to_ship'
                         when status = 'delivered' then 'finalised' else 'to_prepare' end,
            queue_at = case when status = 'delivered' then delivered_at
                            when status = 'shipped' then shipped_at + interval '5 days'
                            when status = 'undeliverable' then undeliverable_at + interval '2 days'
                            else created_at + interval '2 days' end
        where status not in ('cancelled', 'returned')
    """)


def _carriers() -> None:
    op.create_table(
        "carriers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tracking_link", sa.Text(), nullable=False),
        sa.Column("stalled_after_days", sa.BigInteger(), server_default=sa.text("5"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_carriers"),
        sa.CheckConstraint("stalled_after_days > 0", name=op.f("ck_carriers_stalled_after_days")),
    )
    op.execute("""
        insert into carriers (code, name, tracking_link, version, changed_at)
        values ('waybill', 'Waybill', 'https://track.waybill.example/{number}', 1, now())
    """)
    op.create_table(
        "couriers",
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seller", "code", name="pk_couriers"),
    )
    op.create_table(
        "tracking_events",
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("heard_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("parcel_id", "at", "status", name="pk_tracking_events"),
        sa.ForeignKeyConstraint(
            ["parcel_id"], ["parcels.id"], name="fk_tracking_events_parcel_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(TRACKING, name=op.f("ck_tracking_events_status")),
    )


def _widen() -> None:
    for name, days in (("pickup_reminder_days", "3"), ("pickup_days", "7")):
        op.add_column(
            "locations", sa.Column(name, sa.BigInteger(), server_default=sa.text(days), nullable=False)
        )
    op.add_column("order_states", sa.Column("locale", sa.Text(), server_default="en", nullable=False))
    op.add_column("order_states", sa.Column("currency", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "order_states",
        sa.Column("to_collect_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("parcels", sa.Column("tracking_status", sa.String(30)))
    op.add_column("parcels", sa.Column("tracked_at", INSTANT))
    op.create_check_constraint(
        op.f("ck_parcels_tracking_status"), "parcels", TRACKING.replace("status", "tracking_status", 1)
    )
    for column in (
        sa.Column("queue", sa.String(30)),
        sa.Column("queue_at", INSTANT),
        sa.Column("courier", sa.Text()),
        sa.Column("courier_note", sa.Text(), server_default="", nullable=False),
        sa.Column("failed_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("download_url", sa.Text(), server_default="", nullable=False),
    ):
        op.add_column("shipments", column)
    op.create_foreign_key(
        "fk_shipments_seller_courier", "shipments", "couriers", ["seller", "courier"], ["seller", "code"]
    )
    op.create_index("ix_shipments_queue", "shipments", ["queue", "queue_at", "id"])
    op.create_index("ix_shipments_seller_queue", "shipments", ["seller", "queue", "queue_at", "id"])
    op.create_index(
        "ix_shipments_courier",
        "shipments",
        ["seller", "courier", "id"],
        postgresql_where=sa.text("courier is not null and status in ('ready', 'shipped', 'undeliverable')"),
    )


def _hand_overs() -> None:
    op.create_table(
        "pickups",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("wrong_tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("collect_by", INSTANT, nullable=False),
        sa.Column("reminded_at", INSTANT),
        sa.PrimaryKeyConstraint("shipment_id", name="pk_pickups"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_pickups_shipment_id"),
        sa.CheckConstraint("serial > 0 and wrong_tries >= 0", name=op.f("ck_pickups_code")),
    )
    op.create_table(
        "sign_offs",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid()),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("shipment_id", name="pk_sign_offs"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_sign_offs_shipment_id"),
    )
    op.create_table(
        "appointments",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("times_scheduled", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("scheduled_by", sa.Text(), nullable=False),
        sa.Column("signed_at", INSTANT),
        sa.Column("signed_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("shipment_id", "kind", name="pk_appointments"),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name="fk_appointments_shipment_id"),
        sa.CheckConstraint(
            "kind in ('delivery', 'installation', 'service')", name=op.f("ck_appointments_kind")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_appointments_window")),
    )
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at", "shipment_id", "kind"])


def _returns() -> None:
    op.create_table(
        "expected_returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("location", sa.Text()),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expected_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_expected_returns"),
        sa.ForeignKeyConstraint(["order_id"], ["order_states.order_id"], name="fk_expected_returns_order_id"),
        sa.ForeignKeyConstraint(["location"], ["locations.code"], name="fk_expected_returns_location"),
        sa.CheckConstraint(
            "status in ('closed', 'expected', 'received')", name=op.f("ck_expected_returns_status")
        ),
        sa.CheckConstraint(
            "(status = 'received') = (received_at is not null and location is not null)",
            name=op.f("ck_expected_returns_received"),
        ),
    )
    op.create_index("ix_expected_returns_status_id", "expected_returns", ["status", "id"])
    op.create_index("ix_expected_returns_seller_status_id", "expected_returns", ["seller", "status", "id"])
    op.create_index("ix_expected_returns_order_id", "expected_returns", ["order_id"])
    op.create_table(
        "expected_lines",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("coefficient", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("return_id", "line_id", name="pk_expected_lines"),
        sa.ForeignKeyConstraint(["return_id"], ["expected_returns.id"], name="fk_expected_lines_return_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_expected_lines_quantity")),
        sa.CheckConstraint("coefficient > 0", name=op.f("ck_expected_lines_coefficient")),
    )
    op.create_table(
        "findings",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("condition", sa.String(30), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("return_id", "line_id", "condition", name="pk_findings"),
        sa.ForeignKeyConstraint(
            ["return_id", "line_id"],
            ["expected_lines.return_id", "expected_lines.line_id"],
            name="fk_findings_return_id_line_id",
        ),
        sa.CheckConstraint(
            "condition in ('damaged', 'sellable', 'used')", name=op.f("ck_findings_condition")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_findings_quantity")),
    )


def downgrade() -> None:
    for table in ("findings", "expected_lines", "expected_returns", "appointments", "sign_offs", "pickups"):
        op.drop_table(table)
    for index in ("ix_shipments_courier", "ix_shipments_seller_queue", "ix_shipments_queue"):
        op.drop_index(index, "shipments")
    op.drop_constraint("fk_shipments_seller_courier", "shipments")
    for table, columns in {
        "shipments": (
            *("queue", "queue_at", "courier", "courier_note"),
            *("failed_attempts", "failure", "download_url"),
        ),
        "parcels": ("tracking_status", "tracked_at"),
        "order_states": ("locale", "currency", "to_collect_minor"),
        "locations": ("pickup_reminder_days", "pickup_days"),
    }.items():
        for column in columns:
            op.drop_column(table, column)
    for table in ("tracking_events", "couriers", "carriers"):
        op.drop_table(table)
