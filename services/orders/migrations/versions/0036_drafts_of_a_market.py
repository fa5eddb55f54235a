"""Drafts are listed by market too, however many others there are."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    build_index(op, "ix_drafts_market_newest", "drafts", ["market_code", "status", sa.text("id desc")])


def downgrade() -> None:
    op.drop_index("ix_drafts_market_newest", "drafts")
