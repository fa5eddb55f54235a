"""The queue of the refunds that are to be paid out."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute("create index ix_refunds_requested on refunds (id) where state = 'requested'")


def downgrade() -> None:
    op.drop_index("ix_refunds_requested", "refunds")
