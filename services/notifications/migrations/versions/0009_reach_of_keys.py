"""An idempotency key belongs to an issuer's subject and what it could see."""

from alembic import op

from shared.web.tables import add_reach_to_idempotency_keys, remove_reach_from_idempotency_keys

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    add_reach_to_idempotency_keys(op)


def downgrade() -> None:
    remove_reach_from_idempotency_keys(op)
