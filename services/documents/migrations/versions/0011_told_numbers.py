"""A database that was set back asks which numbers it told before it gives another."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# The server, its timeline (another after a point-in-time recovery or a fail-over) and the table itself
# (another one after a dump was restored). Empty where a server does not tell: then an operator has to.
PLACE = """
    create function database_place() returns text language plpgsql stable as $$
    begin
        return (select system_identifier from pg_control_system())
            || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
            || '/' || 'public.series'::regclass::oid;
    exception when others then
        return '';
    end $$
"""


def upgrade() -> None:
    op.create_table(
        "told_numbers",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_told_numbers"),
    )
    op.create_index("ix_told_numbers_order_id", "told_numbers", ["order_id"])
    op.create_table(
        "numbering_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_numbering_place"),
        sa.CheckConstraint("id = 1", name="single"),
    )
    op.execute(PLACE)
    # A dump of an older release may be what this is: where there are numbers, others are asked first.
    op.execute(
        "insert into numbering_place select 1, case when exists (select from series) then '-' "
        "else database_place() end"
    )


def downgrade() -> None:
    op.execute("drop function database_place()")
    op.drop_table("numbering_place")
    op.drop_table("told_numbers")
