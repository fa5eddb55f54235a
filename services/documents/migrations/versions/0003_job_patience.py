"""Patience with a job counts from when it fell due, not from when it was written down."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # now() is one value for the whole statement, so no row is rewritten: what waits is due from here on.
    op.execute("alter table jobs add column due_at timestamp with time zone not null default now()")


def downgrade() -> None:
    op.drop_column("jobs", "due_at")
