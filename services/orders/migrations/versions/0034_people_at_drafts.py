"""Customers are found by their telephone too, and drafts say who changed them last."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index, change_rows, require

revision = "0034"
down_revision = "0033"


# The release before names nobody: who began the draft stands in. To be dropped by the release after this one.
BY_THE_RELEASE_BEFORE = """
    create or replace function name_who_updated() returns trigger language plpgsql as $$
    begin
        new.updated_by := new.created_by;
        return new;
    end $$
"""


def upgrade() -> None:
    op.add_column("drafts", sa.Column("updated_by", sa.Text), if_not_exists=True)
    op.execute(BY_THE_RELEASE_BEFORE)
    op.execute("""
        create or replace trigger name_who_updated before insert on drafts
        for each row when (new.updated_by is null) execute function name_who_updated()
    """)
    change_rows(
        op,
        """
        update drafts set updated_by = created_by
        where id in (select id from drafts where updated_by is null order by id limit 5000)
        """,
    )
    require(op, "drafts", "updated_by")
    build_index(
        op,
        "ix_customers_phone",
        "customers",
        [sa.literal_column("regexp_replace(phone, '[^0-9]', '', 'g')").label("digits")],
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_customers_phone", "customers")
    op.execute("drop trigger name_who_updated on drafts")
    op.execute("drop function name_who_updated()")
    op.drop_column("drafts", "updated_by")
