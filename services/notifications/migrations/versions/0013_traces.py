"""All that one request led to is found by an index."""

from alembic import op

from shared.messaging.first_migration import index_correlation, unindex_correlation

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    index_correlation(op)


def downgrade() -> None:
    unindex_correlation(op)
