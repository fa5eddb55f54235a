"""Of the shipments that have their stock, those that can be released are found by an index."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index, change_rows

revision = "0015"
down_revision = "0014"


LETS_GO = "{0}.order_status = 'accepted' and ({0}.covered or {0}.cash_on_delivery) and not {0}.held"
# The release before knows nothing of it: while it runs the database keeps it, of orders and of shipments.
# To be dropped by the release after this one.
BY_THE_RELEASE_BEFORE = f"""
    create or replace function let_shipments_go() returns trigger language plpgsql as $$
    begin
        update shipments set let_go = ({LETS_GO.format("new")})
        where order_id = new.order_id and status in ('awaiting_inventory', 'inventory_assigned')
          and let_go <> ({LETS_GO.format("new")});
        return null;
    end $$;
    create or replace trigger let_shipments_go
    after update of order_status, covered, cash_on_delivery, held on order_states
    for each row execute function let_shipments_go();

    create or replace function let_shipment_go() returns trigger language plpgsql as $$
    begin
        new.let_go := new.status in ('awaiting_inventory', 'inventory_assigned')
            and exists (
                select from order_states as its where its.order_id = new.order_id and {LETS_GO.format("its")}
            );
        return new;
    end $$;
    create or replace trigger let_shipment_go before insert or update of status on shipments
    for each row execute function let_shipment_go();
"""  # noqa: S608 - put together from what stands above


def upgrade() -> None:
    op.add_column(
        "shipments",
        sa.Column("let_go", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        if_not_exists=True,
    )
    op.execute(BY_THE_RELEASE_BEFORE)
    change_rows(
        op,
        f"""
        update shipments set let_go = true
        where id in (
            select shipments.id from shipments join order_states as its using (order_id)
            where shipments.status in ('awaiting_inventory', 'inventory_assigned') and not let_go
              and {LETS_GO.format("its")}
            order by shipments.id limit 5000
        )
        """,  # noqa: S608 - likewise
    )
    build_index(
        op,
        "ix_shipments_let_go",
        "shipments",
        ["status", "queue_at", "id"],
        postgresql_where=sa.text("let_go"),
    )


def downgrade() -> None:
    op.drop_index("ix_shipments_let_go", "shipments")
    op.execute("drop trigger let_shipment_go on shipments")
    op.execute("drop trigger let_shipments_go on order_states")
    op.execute("drop function let_shipment_go()")
    op.execute("drop function let_shipments_go()")
    op.drop_column("shipments", "let_go")
