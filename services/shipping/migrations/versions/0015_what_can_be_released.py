"""Of the shipments that have their stock, those that can be released are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "shipments", sa.Column("let_go", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.execute("""
        update shipments
        set let_go = true
        from order_states as its_order
        where its_order.order_id = shipments.order_id
          and shipments.status in ('awaiting_inventory', 'inventory_assigned')
          and its_order.order_status = 'accepted'
          and (its_order.covered or its_order.cash_on_delivery)
          and not its_order.held
    """)
    op.create_index(
        "ix_shipments_let_go",
        "shipments",
        ["status", "queue_at", "id"],
        postgresql_where=sa.text("let_go"),
    )


def downgrade() -> None:
    op.drop_index("ix_shipments_let_go", "shipments")
    op.drop_column("shipments", "let_go")
