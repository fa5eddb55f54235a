"""The tables of events, jobs and idempotency keys."""

from alembic import op

from shared.messaging.first_migration import create_messaging, drop_messaging
from shared.web.tables import create_idempotency_keys, drop_idempotency_keys

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_messaging(op)
    create_idempotency_keys(op)


def downgrade() -> None:
    drop_idempotency_keys(op)
    drop_messaging(op)
