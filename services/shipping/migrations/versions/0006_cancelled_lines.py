"""What lines of an order shipping was asked to cancel, and where customers come to fetch goods."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "order_states", sa.Column("cancel_lines", postgresql.JSONB(), server_default="[]", nullable=False)
    )
    op.add_column("locations", sa.Column("address", postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("locations", "address")
    op.drop_column("order_states", "cancel_lines")
