"""Payments of a seller are listed by an index, the newest first."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index, change_rows, require

revision = "0039"
down_revision = "0038"


# The release before records payments without them. To be dropped by the release after this one.
BY_THE_RELEASE_BEFORE = """
    create or replace function name_whose_payment() returns trigger language plpgsql as $$
    begin
        select seller_code, market_code into new.seller_code, new.market_code
        from orders where id = new.order_id;
        return new;
    end $$
"""


def upgrade() -> None:
    for name in ("seller_code", "market_code"):
        op.add_column("payments", sa.Column(name, sa.Text), if_not_exists=True)
    op.execute(BY_THE_RELEASE_BEFORE)
    op.execute("""
        create or replace trigger name_whose_payment before insert on payments
        for each row when (new.seller_code is null) execute function name_whose_payment()
    """)
    change_rows(
        op,
        """
        update payments set seller_code = orders.seller_code, market_code = orders.market_code
        from orders
        where orders.id = payments.order_id
          and payments.id in (select id from payments where seller_code is null order by id limit 5000)
        """,
    )
    require(op, "payments", "seller_code", "market_code")
    build_index(op, "ix_payments_seller_code_id", "payments", ["seller_code", "id"])


def downgrade() -> None:
    op.drop_index("ix_payments_seller_code_id", "payments")
    op.execute("drop trigger name_whose_payment on payments")
    op.execute("drop function name_whose_payment()")
    for name in ("market_code", "seller_code"):
        op.drop_column("payments", name)
