"""What shipping's tests are made of: orders as they reach it, stock in its places, a shipment moved on."""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy import select

from services.shipping import consumers
from services.shipping.commands import handovers, master_data
from services.shipping.commands import shipments as shipment_commands
from services.shipping.commands import stock as stock_commands
from services.shipping.messaging import messaging
from services.shipping.models import OrderState, StockLevel
from shared import clock
from shared.db import new_id
from shared.events.snapshots import (
    Address,
    CancelledLine,
    DeliveryGroup,
    DocumentsSnapshot,
    OrderLine,
    Paper,
    People,
)
from shared.messaging import jobs
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import event_log
from shared.messaging.tables import jobs as job_rows
from tests import samples

HOME = Address(name="Ada Okafor", line1="3 Quay Row", city="Hull", postcode="HU1 2AB", country="GB")


def make_order(*groups, method="delivery", pickup_point=None, **changes):
    """A placed order with a delivery group per argument, each a list of (sku, quantity[, coefficient])."""
    delivery_groups, lines = [], []
    for wanted in groups or ([("TEA-250", 2)],):
        group = DeliveryGroup(
            group_id=new_id(),
            method=method,
            method_name=method.title(),
            shipping_minor=0,
            pickup_point=pickup_point,
        )
        delivery_groups.append(group)
        lines += [make_line(group.group_id, *line) for line in wanted]
    people = People(delivery={str(group.group_id): HOME for group in delivery_groups})
    known = {
        "order_id": uuid4(),
        "number": "GB-7",
        "version": 1,
        "people": people,
        "delivery_groups": tuple(delivery_groups),
        "lines": tuple(lines),
    }
    return samples.event("order.placed", **(known | changes)).order


def make_line(group_id, sku, quantity, coefficient=1, **changes):
    return OrderLine(
        line_id=new_id(),
        group_id=group_id,
        sku=sku,
        name=sku.title(),
        quantity=quantity,
        unit_price_minor=100,
        total_minor=100 * quantity,
        tax_rate_basis_points=2000,
        tax_minor=0,
        sales_coefficient=coefficient,
        **changes,
    )


def later(order, **changes):
    """The order's next version, with what has changed in it."""
    return replace(order, version=order.version + 1, **changes)


def accepted(order, **changes):
    """The order's next version: paid and promised."""
    payment = replace(order.payment, covered=True)
    return later(order, **({"status": "accepted", "accepted_at": clock.now(), "payment": payment} | changes))


def cancelling(order, lines=()):
    """The order's next version: it is to be cancelled, or units of lines; shipping is asked."""
    asked = tuple(CancelledLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines)
    return later(order, status="cancelling", cancel_requested_at=clock.now(), cancel_lines=asked)


def hear(session, order):
    """Hear of an order as the inbox does: locked, then handed to the consumer."""
    lock_order(session, order.order_id)
    consumers.bring_shipments_in_line(session, order)
    session.flush()
    return session.get(OrderState, order.order_id).shipments


def hear_label(session, shipment, **changes):
    """Hear that documents has stored the label of a shipment."""
    paper = {"document_id": new_id(), "kind": "label", "status": "stored", "part": str(shipment.id)} | changes
    documents = DocumentsSnapshot(
        order_id=shipment.order_id,
        number=shipment.order.number,
        version=1,
        currency="GBP",
        papers=(Paper(**paper),),
    )
    lock_order(session, shipment.order_id)
    consumers.attach_labels(session, documents)
    session.flush()
    return paper["document_id"]


def stock(session, sku, on_hand, location="WEST", **changes):
    """Have counted so many of a SKU at a location, which is made or changed."""
    known = {
        "name": location.title(),
        "seller": "*",
        "country": "GB",
        "priority": {"WEST": 1, "EAST": 2}.get(location, 3),
    }
    master_data.put_location(session, location, **(known | changes))
    stock_commands.set_stock(session, location, sku, on_hand=on_hand, reason="opening count")
    session.flush()


def level(session, sku, location="WEST"):
    """What is on hand and what of it is reserved."""
    found = session.get(StockLevel, (sku, location), populate_existing=True)
    return (found.on_hand, found.reserved)


def advance(session, shipment, *actions):
    """Take a shipment on by these commands, one after the other."""
    for action in actions:
        commands = handovers if action == "deliver" else shipment_commands
        getattr(commands, f"{action}_shipment")(session, shipment.id)
        session.flush()


def run_jobs(sessions):
    """Do what jobs are owed, and those that they owe in turn; answers how many there were."""
    done = 0
    while True:
        with sessions() as session:
            owed = session.scalars(select(job_rows.c.id).where(job_rows.c.state == "queued")).first()
        if owed is None:
            return done
        assert jobs.run(sessions, messaging.jobs, owed, Backoff(0.01, 0.02))
        done += 1


def told(session, order_id):
    """The types of the events told about an order, in order."""
    rows = select(event_log.c.type).where(event_log.c.subject == str(order_id)).order_by(event_log.c.seq)
    return list(session.scalars(rows))
