"""A delivery is a row until it is acknowledged, written once.

The release before marks its rows; how the two get on is said at `settle_deliveries`.
"""

from alembic import op

from shared.messaging.first_migration import settle_deliveries, unsettle_deliveries

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    settle_deliveries(op)


def downgrade() -> None:
    unsettle_deliveries(op)
