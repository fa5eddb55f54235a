"""Erasing a person finds the bank's lines about an order."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_bank_lines_order_id", "bank_lines", ["order_id"])


def downgrade() -> None:
    op.drop_index("ix_bank_lines_order_id", "bank_lines")
