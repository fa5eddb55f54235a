"""Single lines are taken back as long as they have not left: as many units as are asked for, or none."""

from dataclasses import replace

import pytest

from services.shipping import queries
from services.shipping.commands import picking
from services.shipping.commands.shipments import cancel_shipment
from shared.events.snapshots import ShipmentStatus
from tests.unit.shipping.steps import (
    accepted,
    advance,
    cancelling,
    hear,
    hear_label,
    later,
    level,
    make_order,
    run_jobs,
    stock,
    told,
)

S = ShipmentStatus


@pytest.fixture
def order(session):
    """Four cans of tea and a pot, of which five and two are at WEST."""
    stock(session, "TEA-250", 5)
    stock(session, "POT-1", 2)
    return accepted(make_order([("TEA-250", 4), ("POT-1", 1)]))


def ask(order, **quantities):
    lines = {line.sku: line.line_id for line in order.lines}
    return cancelling(
        order, lines=[(lines[sku.replace("_", "-")], units) for sku, units in quantities.items()]
    )


@pytest.mark.parametrize(
    "steps", [(), ("release",), ("release", "pick"), ("release", "pick", "label", "pack")]
)
def test_units_that_have_not_left_are_taken_back(session, order, published, steps):
    [shipment] = hear(session, order)
    for step in steps:
        if step == "label":
            hear_label(session, shipment)
        else:
            advance(session, shipment, step)
    before = shipment.status

    hear(session, ask(order, TEA_250=3, POT_1=1))

    assert [(line.sku, line.quantity, line.units) for line in shipment.lines] == [("TEA-250", 1, 1)]
    assert shipment.status is before
    assert (level(session, "TEA-250"), level(session, "POT-1")) == ((5, 1), (2, 0))
    assert queries.stock_drift(session) == []
    assert all(content.units == 1 for parcel in shipment.parcels for content in parcel.contents)
    answer = published("shipment.cancelled")[-1]["shipments"]["cancellation"]
    assert answer["done"] is True
    assert sorted(line["quantity"] for line in answer["lines"]) == [1, 3]


def test_a_shipment_without_lines_is_cancelled(session, order, published):
    [shipment] = hear(session, order)

    hear(session, ask(order, TEA_250=4, POT_1=1))

    assert (shipment.status, shipment.cancel_reason) == (S.CANCELLED, "lines_cancelled")
    [event] = published("shipment.cancelled")
    assert event["shipment_ids"] == [str(shipment.id)]


def test_none_is_taken_back_where_some_have_left(session, order, published):
    [shipment] = hear(session, order)
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack", "ship")

    hear(session, ask(order, POT_1=1))

    assert [line.quantity for line in shipment.lines] == [4, 1]
    [event] = published("shipment.cancel_refused")
    assert (event["reason"], event["shipments"]["cancellation"]["done"]) == ("already_shipped", False)


def test_what_is_in_no_shipment_is_taken_first(session, order):
    [shipment] = hear(session, order)
    cancel_shipment(session, shipment.id, reason="wrong box")

    hear(session, ask(order, TEA_250=1))

    assert {line.sku: line.quantity for line in shipment.order.unassigned} == {"TEA-250": 3, "POT-1": 1}


def test_what_was_taken_back_is_not_planned_again_before_the_order_says_what_it_wants(session, order):
    [shipment] = hear(session, order)
    asked = ask(order, TEA_250=3)
    hear(session, asked)
    before = told(session, order.order_id)

    hear(session, later(asked))
    hear(session, later(later(asked), status="accepted"))

    assert told(session, order.order_id) == before
    fewer = replace(order.lines[0], cancelled_quantity=3)
    answered = {"status": "accepted", "cancel_requested_at": None, "cancel_lines": ()}
    hear(session, later(later(later(asked)), lines=(fewer, order.lines[1]), **answered))
    assert told(session, order.order_id) == before
    assert [line.quantity for line in shipment.lines] == [1, 1]


def test_what_is_still_to_be_picked_is_less(session, order):
    [shipment] = hear(session, order)
    advance(session, shipment, "release")
    made = picking.make_pick_list(session, location="WEST", shipment_ids=[shipment.id])

    hear(session, ask(order, TEA_250=3, POT_1=1))

    session.refresh(made, ["lines"])
    assert [(line.sku, line.units) for line in made.lines] == [("TEA-250", 1)]


def test_what_waits_may_be_served_when_it_has_become_less(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        order = accepted(make_order([("TEA-250", 7)]))
        hear(session, order)
    lines = [(order.lines[0].line_id, 3)]
    with sessions.begin() as session:
        hear(session, cancelling(order, lines=lines))
    run_jobs(sessions)

    with sessions() as session:
        assert level(session, "TEA-250") == (5, 4)
