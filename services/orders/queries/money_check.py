"""Check the money: every order's totals against its payments and refunds."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_MONEY_DRIFT = text("""
    with paid as (
        select order_id, sum(amount_minor) as received from payments where voided_at is null group by order_id
    ), given as (
        select order_id, sum(credited_minor) as credited,
               coalesce(sum(amount_minor) filter (where state = 'settled'), 0) as refunded,
               coalesce(sum(amount_minor) filter (where state <> 'settled'), 0) as pending
        from refunds
        where state <> 'withdrawn'
        group by order_id
    ), ledger as (
        select id, number, received_minor, credited_minor, refunded_minor, refund_pending_minor,
               coalesce(paid.received, 0) as received, coalesce(given.credited, 0) as credited,
               coalesce(given.refunded, 0) as refunded, coalesce(given.pending, 0) as pending
        from orders
        left join paid on paid.order_id = orders.id
        left join given on given.order_id = orders.id
    )
    select * from ledger
    where (received_minor, credited_minor, refunded_minor, refund_pending_minor)
          is distinct from (received, credited, refunded, pending)
    order by id
""")


def money_drift(session: Session) -> list[Row[Any]]:
    """Orders whose totals do not agree with their payments and refunds; there should never be any.

    Each row has what stands at the order (`received_minor`, …), and what the ledger says (`received`, …).
    Both tables are read whole.
    """
    return list(session.execute(_MONEY_DRIFT))
