"""What is to be acknowledged is in a table of its own, so that what was heard is written once.

The release before acknowledges by `acked_at`; how the two get on is said at `owe_acknowledgements`.
"""

from alembic import op

from shared.messaging.first_migration import forget_acknowledgements, owe_acknowledgements

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    owe_acknowledgements(op)


def downgrade() -> None:
    forget_acknowledgements(op)
