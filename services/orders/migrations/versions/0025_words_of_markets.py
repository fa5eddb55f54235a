"""A market's rules of invoicing are words of a list, kept as all such words are."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_WORDS = ("invoice_on", "invoice_per", "numbers_per")


def upgrade() -> None:
    for word in _WORDS:
        op.alter_column("markets", word, type_=sa.String(32))


def downgrade() -> None:
    for word in _WORDS:
        op.alter_column("markets", word, type_=sa.Text)
