"""Customers are found by their telephone too, and drafts say who changed them last."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("drafts", sa.Column("updated_by", sa.Text))
    op.execute("update drafts set updated_by = created_by")
    op.alter_column("drafts", "updated_by", nullable=False)
    op.create_index(
        "ix_customers_phone",
        "customers",
        [sa.literal_column("regexp_replace(phone, '[^0-9]', '', 'g')").label("digits")],
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_customers_phone", "customers")
    op.drop_column("drafts", "updated_by")
