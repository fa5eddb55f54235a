"""What is removed of webhooks, or owed again, in parts; which tries brought people's data."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    for column in (
        sa.Column("enabled_at", instant),
        sa.Column("hidden_to", sa.BigInteger()),
        sa.Column("deleted_at", instant),
        sa.Column("resending_since", instant),
        sa.Column("resent", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("webhooks", column, if_not_exists=True)
    # Of those so far it is not known, so they count as if they had.
    op.add_column(
        "webhook_attempts",
        sa.Column("people", sa.Boolean(), nullable=False, server_default=sa.true()),
        if_not_exists=True,
    )
    build_index(
        op,
        "ix_webhook_deliveries_ended_at",
        "webhook_deliveries",
        ["ended_at"],
        postgresql_where=sa.text("ended_at is not null"),
    )
    op.drop_index("ix_webhook_deliveries_created_at", "webhook_deliveries", if_exists=True)


def downgrade() -> None:
    op.create_index("ix_webhook_deliveries_created_at", "webhook_deliveries", ["created_at"])
    op.drop_index("ix_webhook_deliveries_ended_at", "webhook_deliveries")
    op.drop_column("webhook_attempts", "people")
    for name in ("resent", "resending_since", "deleted_at", "hidden_to", "enabled_at"):
        op.drop_column("webhooks", name)
