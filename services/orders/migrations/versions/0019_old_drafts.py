"""Drafts that were given up are found by age, to be forgotten."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("create index ix_drafts_abandoned on drafts (updated_at) where status = 'abandoned'")


def downgrade() -> None:
    op.drop_index("ix_drafts_abandoned")
