"""Sales are taxed by where goods go and who buys them, in markets that keep a table for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"

_COLUMNS = {
    "markets": [
        # Shipping at the class `standard`, as ever, until the market says otherwise.
        sa.Column("charges_taxed", sa.String(32), nullable=False, server_default="standard"),
        sa.Column("tax_table", JSONB),
    ],
    # All null before: the market's rates were all there was to know.
    "orders": [sa.Column("taxation", JSONB), sa.Column("charges_taxed", sa.String(32))],
    "order_lines": [sa.Column("tax_treatment", sa.String(32)), sa.Column("tax_place", sa.Text)],
    "order_fees": [sa.Column("tax_class", sa.Text)],
}


def upgrade() -> None:
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.alter_column("markets", "charges_taxed", server_default=None)


def downgrade() -> None:
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.drop_column(table, column.name)
