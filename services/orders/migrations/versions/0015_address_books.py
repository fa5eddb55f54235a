"""Entries of address books have ids."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "customer_addresses",
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid()),
    )
    op.alter_column("customer_addresses", "id", server_default=None)
    # The place changes when another becomes the default.
    op.drop_constraint("pk_customer_addresses", "customer_addresses", type_="primary")
    op.create_primary_key("pk_customer_addresses", "customer_addresses", ["id"])
    op.create_unique_constraint(
        "uq_customer_addresses_customer_id_position", "customer_addresses", ["customer_id", "position"]
    )


def downgrade() -> None:
    op.drop_constraint("uq_customer_addresses_customer_id_position", "customer_addresses", type_="unique")
    op.drop_constraint("pk_customer_addresses", "customer_addresses", type_="primary")
    op.create_primary_key("pk_customer_addresses", "customer_addresses", ["customer_id", "position"])
    op.drop_column("customer_addresses", "id")
