"""What discounts and cancelled units take off each part of a bill is kept, to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    # Null on the lines there are: their orders go on to their end as they began.
    op.add_column("order_lines", sa.Column("order_discount_minor", sa.BigInteger))
    op.add_column("order_lines", sa.Column("order_discount_tax_minor", sa.BigInteger))
    op.add_column("cancellations", sa.Column("parts", JSONB, nullable=False, server_default="[]"))
    op.alter_column("cancellations", "parts", server_default=None)


def downgrade() -> None:
    op.drop_column("cancellations", "parts")
    op.drop_column("order_lines", "order_discount_tax_minor")
    op.drop_column("order_lines", "order_discount_minor")
