"""What the customer wrote at checkout stays with the order."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("orders", sa.Column("remark", sa.Text, server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("orders", "remark")
