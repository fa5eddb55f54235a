"""An index of what is still to be picked."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_pick_list_lines_open",
        "pick_list_lines",
        ["pick_list_id"],
        postgresql_where=sa.text("found is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_pick_list_lines_open", "pick_list_lines")
