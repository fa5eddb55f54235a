"""Versions of customers: nobody overwrites what they have not seen."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


# The release before makes whole rows of customers, as the table is, and so takes no default. To be dropped by
# the release after this one.
BY_THE_RELEASE_BEFORE = """
    create or replace function begin_version() returns trigger language plpgsql as $$
    begin
        new.version := 1;
        return new;
    end $$
"""


def upgrade() -> None:
    # A constant default rewrites no row; it stays while code of the release before inserts rows.
    op.add_column("customers", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))
    op.execute(BY_THE_RELEASE_BEFORE)
    op.execute("""
        create trigger begin_version before insert on customers
        for each row when (new.version is null) execute function begin_version()
    """)


def downgrade() -> None:
    op.execute("drop trigger begin_version on customers")
    op.execute("drop function begin_version()")
    op.drop_column("customers", "version")
