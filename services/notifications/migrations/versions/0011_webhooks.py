"""Webhooks, what each is owed, each try at it, and the bytes that are sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

_UNSENT = sa.text("state = 'waiting'")


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    texts = postgresql.ARRAY(sa.Text())
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("types", texts, nullable=False),
        sa.Column("sellers", texts, nullable=False),
        sa.Column("markets", texts, nullable=False),
        sa.Column("people", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", instant),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", instant),
        sa.Column("rested_until", instant),
        sa.Column("told_at", instant),
        sa.Column("last_taken_at", instant),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.CheckConstraint(
            "state in ('active', 'disabled', 'failed', 'gone')", name=op.f("ck_webhooks_state")
        ),
        sa.CheckConstraint(
            "(previous_secret is null) = (previous_until is null)", name=op.f("ck_webhooks_previous")
        ),
        sa.CheckConstraint("(failures > 0) = (failing_since is not null)", name=op.f("ck_webhooks_failing")),
    )
    op.create_index("ix_webhooks_sellers", "webhooks", ["sellers"], postgresql_using="gin")
    _create_deliveries(instant)
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("delivery_number", sa.BigInteger(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_attempts"),
        sa.ForeignKeyConstraint(
            ["delivery_number"],
            ["webhook_deliveries.number"],
            name="fk_webhook_attempts_delivery_number",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_webhook_attempts_delivery_number", "webhook_attempts", ["delivery_number"])
    op.create_table(
        "webhook_bodies",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("people", sa.Boolean(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", instant, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("event_id", "people", name="pk_webhook_bodies"),
    )
    op.create_index("ix_webhook_bodies_order_id", "webhook_bodies", ["order_id"])
    op.create_index("ix_webhook_bodies_created_at", "webhook_bodies", ["created_at"])
    op.create_index("ix_feed_entered_at", "feed", ["entered_at"], postgresql_using="brin")


def _create_deliveries(instant: sa.DateTime) -> None:
    now = sa.func.now()
    op.create_table(
        "webhook_deliveries",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.func.gen_random_uuid()),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("order_id", sa.Uuid()),
        sa.Column(
            "line", sa.Uuid(), sa.Computed("md5(webhook_id::text || order_id::text)::uuid", persisted=True)
        ),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("next_at", instant, nullable=False, server_default=now),
        sa.Column("due_at", instant, nullable=False, server_default=now),
        sa.Column("sending_until", instant),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", instant, nullable=False, server_default=now),
        sa.Column("ended_at", instant),
        sa.PrimaryKeyConstraint("number", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("id", name="uq_webhook_deliveries_id"),
        sa.UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_webhook_id_event_id"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'taken', 'failed')", name=op.f("ck_webhook_deliveries_state")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (ended_at is null)", name=op.f("ck_webhook_deliveries_ended")
        ),
    )
    for name, columns, only in (
        ("due", ["webhook_id", "next_at"], _UNSENT),
        ("line", ["line", "position"], _UNSENT),
        ("under_way", ["webhook_id"], sa.text("sending_until is not null")),
        ("number", ["webhook_id", "number"], None),
        ("state", ["webhook_id", "state", "number"], None),
        ("order_id", ["order_id", "webhook_id", "number"], None),
        ("created_at", ["created_at"], None),
    ):
        op.create_index(f"ix_webhook_deliveries_{name}", "webhook_deliveries", columns, postgresql_where=only)


def downgrade() -> None:
    op.drop_index("ix_feed_entered_at", "feed")
    for table in ("webhook_bodies", "webhook_attempts", "webhook_deliveries", "webhooks"):
        op.drop_table(table)
