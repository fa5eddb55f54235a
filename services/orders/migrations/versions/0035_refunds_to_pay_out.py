"""The queue of the refunds that are to be paid out."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    build_index(
        op, "ix_refunds_requested", "refunds", ["id"], postgresql_where=sa.text("state = 'requested'")
    )


def downgrade() -> None:
    op.drop_index("ix_refunds_requested", "refunds")
