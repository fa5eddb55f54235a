"""Tracking numbers in one form; which one Waybill's own carrier gave a parcel; stock told with its owner."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("parcels", sa.Column("own_number", sa.Text(), server_default="", nullable=False))
    op.execute("update parcels set own_number = tracking_number where carrier = 'waybill'")
    op.execute(r"""
        update parcels
        set tracking_number = upper(regexp_replace(tracking_number, '\s', '', 'g'))
        where tracking_number ~ '\s' or tracking_number <> upper(tracking_number)
    """)
    op.execute("update stock_levels set told_version = -1")  # all are told again, now with their owners


def downgrade() -> None:
    op.drop_column("parcels", "own_number")
