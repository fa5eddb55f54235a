"""Couriers' e-mail addresses, and since when a shipment is theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("couriers", sa.Column("email", sa.Text(), server_default="", nullable=False))
    op.add_column("shipments", sa.Column("courier_assigned_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("shipments", "courier_assigned_at")
    op.drop_column("couriers", "email")
