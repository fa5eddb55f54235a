"""What the release before writes, which knows nothing of what can be released, counts all the same."""

import pytest
from sqlalchemy import inspect, text

from services.shipping.models import Shipment
from shared.db import new_id
from tests.unit.shipping.steps import hear, make_order, stock


@pytest.fixture
def shipment(session):
    """A shipment of an order that nobody has accepted."""
    stock(session, "TEA-250", 10)
    order = make_order([("TEA-250", 2)])
    hear(session, order)
    [shipment] = session.query(Shipment).filter_by(order_id=order.order_id)
    session.flush()
    return shipment


@pytest.fixture
def write(session, shipment):
    """Write as the release before does, and answer which shipments of the order it lets go then."""

    def write(statement):
        session.execute(
            text(statement), {"order": shipment.order_id, "shipment": shipment.id, "new": new_id()}
        )
        let_go = text("select id from shipments where order_id = :order and let_go")
        return set(session.scalars(let_go, {"order": shipment.order_id}))

    return write


@pytest.mark.requirement("K-07")
def test_an_order_lets_its_shipments_go_and_holds_them(write, shipment):
    def order(changes):
        return write(f"update order_states set {changes} where order_id = :order")

    assert order("order_status = 'accepted', covered = false, cash_on_delivery = false") == set()
    assert order("covered = true") == {shipment.id}
    assert order("held = true") == set()
    assert order("held = false") == {shipment.id}
    assert write("update shipments set status = 'released' where id = :shipment") == set()
    assert write("update shipments set status = 'inventory_assigned' where id = :shipment") == {shipment.id}


@pytest.mark.requirement("K-07")
def test_a_shipment_that_is_made_of_another_is_let_go_as_that_is(write, shipment):
    other = {"id": ":new", "position": "position + 1", "number": "number || '/b'"}
    copied = [column.name for column in inspect(Shipment).columns if column.name not in {"let_go", *other}]
    into, values = ", ".join([*other, *copied]), ", ".join([*other.values(), *copied])
    write("update order_states set order_status = 'accepted', covered = true where order_id = :order")

    let_go = write(f"insert into shipments ({into}) select {values} from shipments where id = :shipment")

    assert len(let_go) == 2
