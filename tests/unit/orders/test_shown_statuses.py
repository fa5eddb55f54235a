"""An order in the words of others: the first that fits, and always one that is written down."""

import pytest
from sqlalchemy import select

from services.orders.commands.orders import accept_order, cancel_order, place_hold, refuse_order, release_hold
from services.orders.commands.payments import record_payment
from services.orders.domain import shown_statuses
from services.orders.domain.fulfilment import Goods, Stage
from services.orders.models import Order
from shared.db import new_id
from shared.events.snapshots import OrderStatus
from tests.unit.orders.sample_shop import HOME, answer, placing_body, stored

HOME_GROUP, PICKUP_GROUP = new_id(), new_id()


def goods(text, group=HOME_GROUP):
    parts = [part.split() for part in text.split(", ") if part]
    return tuple(
        Goods(number=f"GB-1-{place}", group_id=group, stage=Stage(stage), quantity=int(quantity))
        for place, (stage, quantity) in enumerate(parts)
    )


@pytest.mark.requirement("S1-12")
@pytest.mark.parametrize(
    ("status", "shipments", "returned", "expected"),
    [
        ("draft", "", 0, "Open"),
        ("placed", "", 0, "Open"),
        ("accepted", "planned 2, awaiting 1", 0, "Open"),
        ("accepted", "ready 2, preparing 1", 0, "Open"),
        ("accepted", "ready 3", 0, "Ready to ship"),
        ("accepted", "on_the_way 1, ready 2", 0, "Partially Shipped"),
        ("accepted", "on_the_way 3", 0, "Partially Shipped"),
        ("accepted", "delivered 1, on_the_way 2", 0, "Partially Closed"),
        ("accepted", "delivered 3", 0, "Partially Closed"),  # delivered, and not paid yet
        ("completed", "delivered 3", 0, "Closed"),
        ("completed", "delivered 3", 2, "Closed"),
        ("completed", "delivered 3", 3, "Returned"),
        ("accepted", "delivered 1, on_the_way 2", 1, "Returned"),
        ("accepted", "returned 3", 0, "Returned"),
        ("cancelling", "ready 3", 0, "Ready to ship"),
        ("cancelled", "", 0, "Canceled"),
        ("refused", "", 0, "Failed"),
        ("failed", "", 0, "Failed"),
        ("abandoned", "", 0, "Abandoned"),
    ],
)
def test_the_generic_lifecycle(status, shipments, returned, expected):
    assert shown_statuses.lifecycle_of(OrderStatus(status), goods(shipments), returned) == expected


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ("", []),
        ("awaiting 1, planned 1, preparing 1", ["To prepare"]),
        ("delivered 1, ready 1, preparing 1", ["To prepare", "Ready to ship", "Finalized"]),
        ("on_the_way 1", ["In transit"]),
        ("returned 1", []),
    ],
)
def test_an_order_is_in_each_queue_of_its_shipments(shipments, expected):
    assert shown_statuses.queues_of(goods(shipments)) == expected


@pytest.mark.parametrize(
    ("status", "held", "expected"),
    [
        ("draft", False, None),
        ("placed", False, "In Progress"),
        ("accepted", False, "In Progress"),
        ("cancelling", False, "In Progress"),
        ("placed", True, "OnHold"),
        ("accepted", True, "OnHold"),
        ("completed", True, "Completed"),
        ("cancelled", False, "Canceled"),
        ("refused", False, "Canceled"),
        ("failed", False, "Canceled"),
        ("abandoned", False, None),
    ],
)
def test_the_agents_word(status, held, expected):
    assert shown_statuses.csr_status_of(OrderStatus(status), held=held) == expected


@pytest.mark.parametrize(
    ("status", "brought", "fetched", "expected"),
    [
        ("placed", "planned 1", "", None),
        ("accepted", "", "", "accepted"),
        ("accepted", "planned 1", "", "accepted"),
        ("accepted", "preparing 1", "", "preparing"),
        ("accepted", "ready 1", "", "preparing"),
        ("accepted", "on_the_way 1", "", "sent"),
        ("accepted", "delivered 1, planned 1", "", "sent"),
        ("accepted", "", "preparing 1", "preparing"),
        ("accepted", "", "ready 1", "ready_for_pickup"),
        ("accepted", "", "delivered 1, preparing 1", "ready_for_pickup"),
        ("accepted", "preparing 1", "ready 1", "ready_for_pickup"),
        ("accepted", "on_the_way 1", "ready 1", "sent"),
        ("accepted", "delivered 1", "delivered 1", "finished"),
        ("accepted", "delivered 1, returned 1", "", "finished"),
        ("completed", "delivered 1", "", "finished"),
        ("cancelled", "preparing 1", "", None),
    ],
)
def test_the_customers_step_and_its_third_one_is_of_the_right_kind(status, brought, fetched, expected):
    both = goods(brought) + goods(fetched, PICKUP_GROUP)

    assert shown_statuses.timeline_of(OrderStatus(status), both, {PICKUP_GROUP}) == expected


@pytest.mark.requirement("S1-09")
def test_an_order_is_listed_with_its_words_as_soon_as_it_is_placed(client, bearer):
    placed = client.post("/v1/orders", json=placing_body(), headers=bearer()).json

    [listed] = client.get("/v1/orders", headers=bearer()).json["items"]

    assert listed["order_id"] == placed["order_id"]
    words = {name: listed[name] for name in ("lifecycle", "queues", "csr_status", "timeline")}
    assert words == {"lifecycle": "Open", "queues": [], "csr_status": "In Progress", "timeline": None}
    assert words == {name: placed[name] for name in words}


@pytest.mark.requirement("S1-09")
def test_the_columns_follow_the_order_through_its_life(session, place_order, hear_shipments):
    order = place_order(method="cash_on_delivery")

    def words():
        session.flush()
        columns = (Order.lifecycle, Order.queues, Order.csr_status, Order.timeline, Order.fulfilment)
        return tuple(session.execute(select(*columns).where(Order.id == order.id)).one())

    seen = [words()]
    hear_shipments(order, "inventory_assigned")
    seen.append(words())
    accept_order(session, order.id)
    hear_shipments(order, "ready")
    seen.append(words())
    hear_shipments(order, "shipped")
    seen.append(words())
    hear_shipments(order, "delivered")
    seen.append(words())
    record_payment(session, order.id, reference="till 4")
    seen.append(words())

    assert seen == [
        ("Open", [], "In Progress", None, "unfulfilled"),
        ("Open", ["To prepare"], "In Progress", None, "unfulfilled"),
        ("Ready to ship", ["Ready to ship"], "In Progress", "preparing", "ready"),
        ("Partially Shipped", ["In transit"], "In Progress", "sent", "shipped"),
        ("Partially Closed", ["Finalized"], "In Progress", "finished", "delivered"),
        ("Closed", ["Finalized"], "Completed", "finished", "delivered"),
    ]


def test_a_pickup_is_never_called_sent(session, place_order, hear_shipments):
    order = place_order(
        method="cash_on_delivery",
        delivery_groups=[{"method": "pickup", "shipping_minor": 0, "pickup_point": "Quay Row"}],
        billing_address=HOME,
    )
    accept_order(session, order.id)

    hear_shipments(order, "ready")

    assert order.timeline == "ready_for_pickup"


@pytest.mark.requirement("S3-21")
def test_a_hold_shows_until_the_last_is_lifted(session, place_order):
    order = place_order()
    first, second = (place_hold(session, order.id, reason) for reason in ("suspicious", "no_stock"))
    seen = [order.csr_status]
    for hold in (first, second):
        release_hold(session, order.id, hold.id)
        seen.append(order.csr_status)

    assert seen == ["OnHold", "OnHold", "In Progress"]


@pytest.mark.requirement("S3-23")
def test_cancelling_cancels_the_order_in_every_vocabulary(session, place_order, hear_shipments):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    hear_shipments(order, "inventory_assigned")

    cancel_order(session, order.id, reason="twice")
    hear_shipments(order, "cancelled", event="shipment.cancelled", cancellation=answer(order, done=True))

    order = stored(session, order.id)
    assert (order.status, order.lifecycle, order.csr_status) == ("cancelled", "Canceled", "Canceled")
    assert (order.queues, order.timeline) == ([], None)


def test_a_refused_order_has_failed(session, place_order):
    order = place_order()

    refuse_order(session, order.id, reason="no longer made")

    assert (order.lifecycle, order.csr_status) == ("Failed", "Canceled")
