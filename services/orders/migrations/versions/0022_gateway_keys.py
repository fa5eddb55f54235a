"""What the gateway receives counts by its reference, else kept; tracking numbers are found without blanks."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("payments", sa.Column("gateway_key", sa.Text()))
    # What was counted twice stays in the ledger, for people have acted on it; the first one has the key.
    op.execute("""
        with firsts as (
            select distinct on (seller_code, market_code, reference)
                   payments.id, concat_ws('/', seller_code, market_code, reference) as key
            from payments join orders on orders.id = order_id
            where webhook_id is not null
            order by seller_code, market_code, reference, recorded_at, payments.id
        )
        update payments set gateway_key = firsts.key from firsts where firsts.id = payments.id
    """)
    op.create_unique_constraint("uq_payments_gateway_key", "payments", ["gateway_key"])
    op.drop_column("payments", "webhook_id")
    op.create_table(
        "payment_discrepancies",
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("id", "order_id")),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("seller_code", "market_code", "reference", "currency", "reason")
        ),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("why", "state")),
        sa.Column("payment_id", sa.Uuid),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_payment_discrepancies"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_payment_discrepancies_order_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_payment_discrepancies_payment_id"),
        sa.UniqueConstraint(
            *("order_id", "reference", "amount_minor", "currency"),
            name="uq_payment_discrepancies_told",
        ),
        sa.CheckConstraint("amount_minor > 0", name="ck_payment_discrepancies_amount_positive"),
    )
    op.create_index("ix_payment_discrepancies_state_id", "payment_discrepancies", ["state", "id"])
    op.create_index("ix_payment_discrepancies_payment_id", "payment_discrepancies", ["payment_id"])
    op.execute(r"""
        insert into order_words (kind, word, placed_at, order_id)
        select kind, regexp_replace(word, '\s', '', 'g'), placed_at, order_id
        from order_words
        where kind = 'tracking_number' and word ~ '\s'
        on conflict do nothing
    """)
    op.execute(r"delete from order_words where kind = 'tracking_number' and word ~ '\s'")


def downgrade() -> None:
    op.drop_table("payment_discrepancies")
    op.add_column("payments", sa.Column("webhook_id", sa.Text()))
    op.execute("update payments set webhook_id = gateway_key")
    op.create_unique_constraint("uq_payments_webhook_id", "payments", ["webhook_id"])
    op.drop_column("payments", "gateway_key")
