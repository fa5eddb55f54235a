"""Erasing a person."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("customers", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.add_column("customers", sa.Column("erased_by", sa.Text))
    op.add_column("orders", sa.Column("anonymised_at", sa.DateTime(timezone=True)))
    op.create_index("ix_drafts_seller_code_customer_email", "drafts", ["seller_code", "customer_email"])


def downgrade() -> None:
    op.drop_index("ix_drafts_seller_code_customer_email", "drafts")
    op.drop_column("orders", "anonymised_at")
    op.drop_column("customers", "erased_by")
    op.drop_column("customers", "erased_at")
