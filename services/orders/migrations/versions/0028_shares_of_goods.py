"""A discount that was granted as a share of the goods keeps it, so that it follows them when they change."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column(
        "order_fees", sa.Column("share_basis_points", sa.BigInteger)
    )  # null before: amounts, as granted


def downgrade() -> None:
    op.drop_column("order_fees", "share_basis_points")
