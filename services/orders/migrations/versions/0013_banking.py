"""Bank statements and their lines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "bank_statements",
        sa.Column("id", sa.Uuid, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("seller_code", "currency", "imported_by")),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("taken", "repeated", "outgoing")),
        sa.Column("errors", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bank_statements"),
        sa.ForeignKeyConstraint(["seller_code"], ["sellers.code"], name="fk_bank_statements_seller_code"),
    )
    op.create_index("ix_bank_statements_seller_code_id", "bank_statements", ["seller_code", "id"])
    op.create_table(
        "bank_lines",
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("id", "statement_id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("seller_code", "currency")),
        sa.Column("booked_on", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("text", "payer", "fingerprint")),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        *(sa.Column(name, sa.Uuid) for name in ("order_id", "payment_id")),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_bank_lines"),
        *(
            sa.ForeignKeyConstraint([f"{one}_id"], [f"{target}.id"], name=f"fk_bank_lines_{one}_id")
            for one, target in (
                ("statement", "bank_statements"),
                ("order", "orders"),
                ("payment", "payments"),
            )
        ),
        sa.CheckConstraint("amount_minor > 0", name="ck_bank_lines_amount_positive"),
    )
    op.create_index("uq_bank_lines_fingerprint", "bank_lines", ["seller_code", "fingerprint"], unique=True)
    op.create_index("ix_bank_lines_seller_code_state_id", "bank_lines", ["seller_code", "state", "id"])
    op.create_index("ix_bank_lines_statement_id_state", "bank_lines", ["statement_id", "state"])
    op.create_index("ix_bank_lines_payment_id", "bank_lines", ["payment_id"])


def downgrade() -> None:
    op.drop_table("bank_lines")
    op.drop_table("bank_statements")
