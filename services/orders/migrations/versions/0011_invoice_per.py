"""What one invoice of a market is about, and when its numbers begin again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for name, default in (("invoice_per", "order"), ("numbers_per", "year")):
        op.add_column("markets", sa.Column(name, sa.Text(), nullable=False, server_default=default))
        op.alter_column("markets", name, server_default=None)


def downgrade() -> None:
    for name in ("numbers_per", "invoice_per"):
        op.drop_column("markets", name)
