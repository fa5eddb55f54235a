"""The feed of events: what is heard and told waits to be numbered, whichever way it came."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# Here, not in the code that hears and tells: no way in is forgotten, and it costs no round trip.
_ENTER = """
    create function enter_feed() returns trigger language plpgsql as $$
    begin
        insert into feed_waiting (event_id) values (new.event_id);
        perform pg_notify('feed', '');
        return null;
    end $$
"""


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "feed",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("entered_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_feed"),
        sa.UniqueConstraint("event_id", name="uq_feed_event_id"),
    )
    # With what a seller's reader may leave out besides: then the table is read for the page alone.
    op.create_index("ix_feed_seller", "feed", ["seller", "position"], postgresql_include=["type", "market"])
    op.create_index("ix_feed_type", "feed", ["type", "position"])
    op.create_index("ix_feed_order_id", "feed", ["order_id", "position"])
    op.create_table(
        "feed_orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("seller", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_feed_orders"),
    )
    op.create_table(
        "feed_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed_head"),
        sa.CheckConstraint("id = 1", name="ck_feed_head_only"),
    )
    op.execute("insert into feed_head (id, position) values (1, 0)")
    op.create_table(
        "feed_waiting",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("held_for", sa.Text()),
        sa.Column("entered_at", instant, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_feed_waiting"),
    )
    op.create_index(
        "ix_feed_waiting_held_for",
        "feed_waiting",
        ["held_for"],
        postgresql_where=sa.text("held_for is not null"),
    )
    op.execute(_ENTER)
    for table in ("inbox", "event_log"):
        op.execute(
            f"create trigger enter_feed after insert on {table} for each row execute function enter_feed()"
        )
    # What has happened so far is read from the beginning, too.
    op.execute("""
        insert into feed_waiting (event_id)
        select event_id from (
            select event_id, received_at as at from inbox
            union all select event_id, occurred_at from event_log
        ) as known
        where at > now() - interval '90 days' order by at
    """)


def downgrade() -> None:
    for table in ("inbox", "event_log"):
        op.execute(f"drop trigger enter_feed on {table}")
    op.execute("drop function enter_feed()")
    for table in ("feed_waiting", "feed_head", "feed_orders", "feed"):
        op.drop_table(table)
