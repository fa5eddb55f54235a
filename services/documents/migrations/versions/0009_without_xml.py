"""Invoices without the XML that they should carry are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index(
        "ix_papers_without_xml",
        "papers",
        ["stored_at"],
        postgresql_where=sa.text("not (einvoice ->> 'valid')::boolean"),
    )


def downgrade() -> None:
    op.drop_index("ix_papers_without_xml", "papers")
