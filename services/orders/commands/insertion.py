"""Writing a new order with all its rows, its event and the deliveries of it, in one statement."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.finding import rows_of
from services.orders.models import Base, Customer, HistoryEntry, Order, column_names
from shared.db import new_id
from shared.errors import Refused
from shared.messaging.outbox import publication

# One round trip where the ORM would take eight. Rows come as JSON, so the text is the same for any order and
# PostgreSQL keeps its plan. Everything hangs on `placed`: under a reference that is taken nothing is written.
# The order's row in `subjects` is made here; nobody else can know the id yet, so there is nothing to lock. A
# draft's order has the row already, and whoever places it the lock.
_INSERT = text("""
    with given as (
        select cast(:rows as jsonb) as rows
    ), placed as (
        insert into orders
        select new.* from given, jsonb_populate_record(null::orders, rows -> 'order') as new
        on conflict (seller_code, external_reference) where external_reference is not null do nothing
        returning id
    ), customer as (
        insert into customers
        select new.* from placed, given, jsonb_populate_recordset(null::customers, rows -> 'customer') as new
    ), delivery as (
        insert into delivery_groups
        select new.* from placed, given,
               jsonb_populate_recordset(null::delivery_groups, rows -> 'delivery_groups') as new
    ), line as (
        insert into order_lines
        select new.* from placed, given, jsonb_populate_recordset(null::order_lines, rows -> 'lines') as new
    ), fee as (
        insert into order_fees
        select new.* from placed, given, jsonb_populate_recordset(null::order_fees, rows -> 'fees') as new
    ), hold as (
        insert into holds
        select new.* from placed, given, jsonb_populate_recordset(null::holds, rows -> 'holds') as new
    ), history as (
        insert into order_history
        select new.* from placed, given,
               jsonb_populate_recordset(null::order_history, rows -> 'history') as new
    ), word as (
        insert into order_words
        select new.* from placed, given, jsonb_populate_recordset(null::order_words, rows -> 'words') as new
    ), subject as (
        insert into subjects (subject) select cast(id as text) from placed
        on conflict do nothing
    ), event as (
        insert into event_log (event_id, type, subject, reference, version, occurred_at, payload,
                               correlation_id, causation_id, trace_parent, actor)
        select :event_id, :type, :subject, :reference, :version, :occurred_at, cast(:payload as jsonb),
               :correlation_id, :causation_id, :trace_parent, :actor
        from placed
        returning event_id, seq
    ), deliveries as (
        insert into outbox (event_id, subscriber, seq)
        select event_id, subscriber, seq from event, unnest(cast(:subscribers as text[])) as subscriber
    )
    select pg_notify('outbox', '') from placed
""")


def insert_placed(session: Session, order: Order, customer: Customer | None, entry: HistoryEntry) -> None:
    """Store a new order, its customer if that is new too, and tell order.placed.

    Raises Refused (already_placed) with the order that has its external reference.
    """
    rows = {
        "order": _columns(order),
        "customer": _rows([customer] if customer else []),
        "delivery_groups": _rows(order.delivery_groups),
        "lines": _rows(order.lines),
        "fees": _rows(order.fees),
        "holds": _rows(order.holds),
        "history": _rows([entry]),
        "words": rows_of(order),
    }
    told = publication(session, events.order_placed(order), new_id())
    stored = session.connection().execute(_INSERT, told | {"rows": msgspec.json.encode(rows).decode()})
    if stored.first() is None:
        _refuse_placed(session, order)


def _rows(objects: Sequence[Base]) -> list[dict[str, Any]]:
    return [_columns(one) for one in objects]


def _columns(row: Base) -> dict[str, Any]:
    values = vars(row)  # each of them is there: the row was made with all its columns
    return {name: values[name] for name in column_names(type(row))}


def _refuse_placed(session: Session, order: Order) -> None:
    earlier = session.execute(
        select(Order.id, Order.number).where(
            Order.seller_code == order.seller_code, Order.external_reference == order.external_reference
        )
    ).one()
    raise Refused(
        "already_placed",
        f"{order.external_reference} is order {earlier.number} already",
        order_id=earlier.id,
        number=earlier.number,
    )
